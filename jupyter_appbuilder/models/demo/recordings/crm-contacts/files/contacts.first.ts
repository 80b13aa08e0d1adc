import type { Context, Tables } from "app";

export type Contact = Tables["contacts"];

/** Nobody else is answered: whose contacts would it be? */
export const access = "user";

export function GET(_request: Request, { db, auth }: Context): Contact[] {
  return db.all<Contact>("SELECT * FROM contacts WHERE owner = ? ORDER BY id DESC", auth.user.id);
}

export async function POST(request: Request, { db, auth }: Context): Promise<Response | Contact> {
  const { name, email, company } = (await request.json()) as Record<string, unknown>;
  if (typeof name !== "string" || !name.trim()) return refused("A contact needs a name.");
  const text = (value: unknown, most: number) => (typeof value === "string" ? value.trim().slice(0, most) : "");
  const { lastInsertRowid } = db.run(
    "INSERT INTO contacts (owner, name, email, company) VALUES (?, ?, ?, ?)",
    auth.need().id,
    text(name, 200),
    text(email, 254),
    text(company, 200),
  );
  return db.get<Contact>("SELECT * FROM contacts WHERE id = ?", lastInsertRowid)!;
}

export async function DELETE(request: Request, { db, auth }: Context): Promise<void> {
  const { id } = (await request.json()) as Partial<Contact>;
  const contact = auth.own(db.get<Contact>("SELECT * FROM contacts WHERE id = ?", id));
  db.run("DELETE FROM contacts WHERE id = ?", contact.id);
}

function refused(detail: string, status = 400): Response {
  return Response.json({ detail }, { status });
}
