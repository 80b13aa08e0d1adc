import { useEffect, useState } from "react";

import { columns, examples, parseTasks, type Status, type Task, type TaskDraft } from "@/lib/tasks";

const KEY = "task-board";

function load(): Task[] {
  try {
    return parseTasks(localStorage.getItem(KEY)) ?? examples;
  } catch {
    return examples;
  }
}

/** The board's tasks, kept in the browser. */
export function useTasks() {
  const [tasks, setTasks] = useState<Task[]>(load);

  useEffect(() => {
    try {
      localStorage.setItem(KEY, JSON.stringify(tasks));
    } catch {
      // Storage is full or forbidden: the board still works until the page is closed.
    }
  }, [tasks]);

  const add = (draft: TaskDraft, status: Status) =>
    setTasks((all) => [...all, { ...draft, id: Math.random().toString(36).slice(2), status }]);

  const update = (id: string, draft: TaskDraft) =>
    setTasks((all) => all.map((task) => (task.id === id ? { ...task, ...draft } : task)));

  const remove = (id: string) => setTasks((all) => all.filter((task) => task.id !== id));

  const restore = (task: Task) => setTasks((all) => [...all, task]);

  /** Put a task at the end of a column, or before another task. */
  const move = (id: string, status: Status, before?: string) =>
    setTasks((all) => {
      const task = all.find((each) => each.id === id);
      if (!task || id === before) return all;
      const rest = all.filter((each) => each.id !== id);
      const index = before ? rest.findIndex((each) => each.id === before) : rest.length;
      return [...rest.slice(0, index), { ...task, status }, ...rest.slice(index)];
    });

  /** The column one to the left (-1) or right (+1), if there is one. */
  const neighbour = (status: Status, step: -1 | 1): string | undefined =>
    columns[columns.findIndex((column) => column.status === status) + step]?.status;

  return { tasks, add, update, remove, restore, move, neighbour };
}
