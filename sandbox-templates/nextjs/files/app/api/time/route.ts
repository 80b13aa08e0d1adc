/** GET /api/time: what the server's clock says. An example of a route handler. */
export function GET(): Response {
  return Response.json({ now: new Date().toISOString() });
}

export const dynamic = "force-dynamic";
