import { useState } from "react";
import { KanbanSquare, Plus } from "lucide-react";
import { toast } from "sonner";

import { BoardColumn } from "@/components/board-column";
import { TaskCard } from "@/components/task-card";
import { TaskDialog } from "@/components/task-dialog";
import { Button } from "@/components/ui/button";
import { Progress } from "@/components/ui/progress";
import { Toaster } from "@/components/ui/sonner";
import { useTasks } from "@/hooks/use-tasks";
import { columns, type Status, type Task } from "@/lib/tasks";

/** What the dialog is open for: a task, or a new one in a column. */
type Editing = { task: Task } | { status: Status };

export default function App() {
  const { tasks, add, update, remove, restore, move, neighbour } = useTasks();
  const [editing, setEditing] = useState<Editing | null>(null);

  const done = tasks.filter((task) => task.status === "done").length;
  const percent = tasks.length === 0 ? 0 : Math.round((done / tasks.length) * 100);

  function moveAndFocus(id: string, status: Status) {
    move(id, status);
    requestAnimationFrame(() => document.getElementById(`task-${id}`)?.focus());
  }

  function removeWithUndo(task: Task) {
    remove(task.id);
    toast(`Deleted “${task.title}”`, { action: { label: "Undo", onClick: () => restore(task) } });
  }

  return (
    <div className="mx-auto flex min-h-dvh max-w-6xl flex-col gap-8 px-5 py-8 sm:px-8">
      <header className="flex flex-wrap items-center gap-x-6 gap-y-4">
        <div className="flex items-center gap-3">
          <span className="grid size-10 place-items-center rounded-xl bg-primary text-primary-foreground shadow-md shadow-primary/25">
            <KanbanSquare aria-hidden className="size-5" />
          </span>
          <div>
            <h1 className="text-xl font-semibold tracking-tight">Task board</h1>
            <p className="text-sm text-muted-foreground">
              {done} of {tasks.length} done
            </p>
          </div>
        </div>
        <Progress value={percent} aria-label="Tasks done" className="hidden w-40 sm:block" />
        <div className="ml-auto flex items-center gap-2">
          <Button onClick={() => setEditing({ status: "todo" })}>
            <Plus aria-hidden /> Add task
          </Button>
        </div>
      </header>

      <main className="grid flex-1 items-start gap-4 md:grid-cols-3">
        {columns.map(({ status, title, empty }) => {
          const inColumn = tasks.filter((task) => task.status === status);
          return (
            <BoardColumn
              key={status}
              status={status}
              title={title}
              empty={empty}
              count={inColumn.length}
              onAdd={() => setEditing({ status })}
              onDrop={(id) => move(id, status)}
            >
              {inColumn.map((task) => (
                <TaskCard
                  key={task.id}
                  task={task}
                  previous={neighbour(status, -1)}
                  next={neighbour(status, 1)}
                  onEdit={() => setEditing({ task })}
                  onDelete={() => removeWithUndo(task)}
                  onMove={(target) => moveAndFocus(task.id, target)}
                  onDropBefore={(id) => move(id, status, task.id)}
                />
              ))}
            </BoardColumn>
          );
        })}
      </main>

      <p className="hidden text-center text-sm text-muted-foreground md:block">
        Drag a card, or focus it and press <Key>←</Key> <Key>→</Key> to move, <Key>Enter</Key> to edit, <Key>Del</Key> to
        delete.
      </p>

      {editing && (
        <TaskDialog
          task={"task" in editing ? editing.task : undefined}
          onSave={(draft) => ("task" in editing ? update(editing.task.id, draft) : add(draft, editing.status))}
          onClose={() => setEditing(null)}
        />
      )}
      <Toaster position="bottom-center" />
    </div>
  );
}

function Key({ children }: { children: string }) {
  return <kbd className="rounded border bg-card px-1.5 py-0.5 font-sans text-xs">{children}</kbd>;
}
