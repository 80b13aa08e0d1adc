import type { DragEvent, KeyboardEvent } from "react";
import { ArrowLeft, ArrowRight, Pencil, Trash2 } from "lucide-react";

import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { columns, priorities, type Status, type Task } from "@/lib/tasks";
import { cn } from "@/lib/utils";

interface TaskCardProps {
  task: Task;
  previous?: Status;
  next?: Status;
  onEdit: () => void;
  onDelete: () => void;
  onMove: (status: Status) => void;
  onDropBefore: (id: string) => void;
}

const titleOf = (status: Status) => columns.find((column) => column.status === status)?.title;

export function TaskCard({ task, previous, next, onEdit, onDelete, onMove, onDropBefore }: TaskCardProps) {
  const priority = priorities[task.priority];

  function drag(event: DragEvent) {
    event.dataTransfer.setData("text/plain", task.id);
    event.dataTransfer.effectAllowed = "move";
  }

  function drop(event: DragEvent) {
    event.preventDefault();
    event.stopPropagation();
    onDropBefore(event.dataTransfer.getData("text/plain"));
  }

  function press(event: KeyboardEvent) {
    if (event.target !== event.currentTarget) return;
    if (event.key === "Enter") onEdit();
    if (event.key === "Delete") onDelete();
    if (event.key === "ArrowLeft" && previous) onMove(previous);
    if (event.key === "ArrowRight" && next) onMove(next);
  }

  return (
    <li
      id={`task-${task.id}`}
      draggable
      tabIndex={0}
      aria-label={`${task.title}, ${priority.label} priority`}
      aria-keyshortcuts="Enter Delete ArrowLeft ArrowRight"
      onDragStart={drag}
      onDragOver={(event) => event.preventDefault()}
      onDrop={drop}
      onKeyDown={press}
      className="group flex cursor-grab flex-col gap-2.5 rounded-lg border bg-card p-3.5 shadow-xs transition-shadow outline-none hover:shadow-md focus-visible:ring-[3px] focus-visible:ring-ring/50 active:cursor-grabbing"
    >
      <div className="flex items-start justify-between gap-2">
        <h3
          className={cn(
            "min-w-0 text-sm leading-snug font-medium break-words",
            task.status === "done" && "text-muted-foreground line-through",
          )}
        >
          {task.title}
        </h3>
        <Badge className={cn("border-transparent", priority.className)}>
          <i aria-hidden className="size-1.5 rounded-full" />
          {priority.label}
        </Badge>
      </div>
      {task.notes && <p className="text-sm break-words whitespace-pre-line text-muted-foreground">{task.notes}</p>}
      <div className="-mx-1.5 -mb-1.5 flex items-center text-muted-foreground">
        <Button variant="ghost" size="icon-sm" aria-label={`Edit ${task.title}`} onClick={onEdit}>
          <Pencil aria-hidden />
        </Button>
        <Button variant="ghost" size="icon-sm" aria-label={`Delete ${task.title}`} onClick={onDelete}>
          <Trash2 aria-hidden />
        </Button>
        <span className="flex-1" />
        {previous && (
          <Button
            variant="ghost"
            size="icon-sm"
            aria-label={`Move ${task.title} to ${titleOf(previous)}`}
            onClick={() => onMove(previous)}
          >
            <ArrowLeft aria-hidden />
          </Button>
        )}
        {next && (
          <Button
            variant="ghost"
            size="icon-sm"
            aria-label={`Move ${task.title} to ${titleOf(next)}`}
            onClick={() => onMove(next)}
          >
            <ArrowRight aria-hidden />
          </Button>
        )}
      </div>
    </li>
  );
}
