export type Status = "todo" | "doing" | "done";
export type Priority = "low" | "medium" | "high";

export interface Task {
  id: string;
  title: string;
  notes: string;
  priority: Priority;
  status: Status;
}

/** What a person fills in; the rest is ours. */
export type TaskDraft = Pick<Task, "title" | "notes" | "priority">;

export const columns: { status: Status; title: string; empty: string }[] = [
  { status: "todo", title: "To do", empty: "Nothing waiting. Add a task to get going." },
  { status: "doing", title: "In progress", empty: "Move a task here when you start on it." },
  { status: "done", title: "Done", empty: "Finished tasks end up here." },
];

export const priorities: Record<Priority, { label: string; className: string }> = {
  high: { label: "High", className: "bg-chart-4/15 text-foreground [&_i]:bg-chart-4" },
  medium: { label: "Medium", className: "bg-chart-3/20 text-foreground [&_i]:bg-chart-3" },
  low: { label: "Low", className: "bg-chart-2/15 text-foreground [&_i]:bg-chart-2" },
};

export const examples: Task[] = [
  { id: "1", title: "Sketch the landing page", notes: "Three variants, mobile first", priority: "high", status: "doing" },
  { id: "2", title: "Collect questions for the interviews", notes: "", priority: "medium", status: "todo" },
  { id: "3", title: "Book a room for Thursday", notes: "Eight people, with a screen", priority: "low", status: "todo" },
  { id: "4", title: "Set up the project", notes: "", priority: "medium", status: "done" },
];

/** The tasks found in stored JSON; null if it does not hold a list of tasks. */
export function parseTasks(text: string | null): Task[] | null {
  if (!text) return null;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(isTask) : null;
  } catch {
    return null;
  }
}

function isTask(value: unknown): value is Task {
  if (typeof value !== "object" || value === null) return false;
  const task = value as Record<string, unknown>;
  return (
    typeof task.id === "string" &&
    typeof task.title === "string" &&
    typeof task.notes === "string" &&
    typeof task.priority === "string" &&
    task.priority in priorities &&
    columns.some((column) => column.status === task.status)
  );
}
