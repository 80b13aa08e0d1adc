import type { Context, Tables } from "app";

export type Task = Tables["tasks"];

export function GET(_request: Request, { db }: Context): Task[] {
  return db.all<Task>("SELECT * FROM tasks ORDER BY done, id");
}

export async function POST(request: Request, { db }: Context): Promise<Response | Task> {
  const { title } = (await request.json()) as { title?: unknown };
  if (typeof title !== "string" || !title.trim()) return refused("A task needs a title.");
  return db.get<Task>("INSERT INTO tasks (title) VALUES (?) RETURNING *", title.trim().slice(0, 200))!;
}

export async function PATCH(request: Request, { db }: Context): Promise<Response | undefined> {
  const { id, done } = (await request.json()) as Partial<Task>;
  const { changes } = db.run("UPDATE tasks SET done = ? WHERE id = ?", Boolean(done), id);
  return changes ? undefined : refused("There is no such task.", 404);
}

export async function DELETE(request: Request, { db }: Context): Promise<Response | undefined> {
  const { id } = (await request.json()) as Partial<Task>;
  const { changes } = db.run("DELETE FROM tasks WHERE id = ?", id);
  return changes ? undefined : refused("There is no such task.", 404);
}

function refused(detail: string, status = 400): Response {
  return Response.json({ detail }, { status });
}
