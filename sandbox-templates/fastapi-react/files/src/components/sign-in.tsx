import { useState, type FormEvent } from "react";

import { Button } from "@/components/ui/button";
import { Card, CardContent, CardHeader, CardTitle } from "@/components/ui/card";
import { Input } from "@/components/ui/input";
import { Label } from "@/components/ui/label";
import { useAccount } from "@/lib/account";

/** The form to log in or sign up; nothing once somebody is logged in. */
export function SignIn() {
  const { user, by, mayJoin, logIn, signUp } = useAccount();
  const [joining, setJoining] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  if (user !== null) return null;

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError("");
    try {
      await (joining ? signUp : logIn)(String(form.get("name")), String(form.get("password")));
    } catch (failed) {
      setError(failed instanceof Error ? failed.message : String(failed));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Card className="mx-auto mt-8 w-full max-w-sm">
      <CardHeader>
        <CardTitle>{joining ? "Sign up" : "Log in"}</CardTitle>
      </CardHeader>
      <CardContent className="grid gap-4">
        <form key={String(joining)} onSubmit={submit} className="grid gap-4">
          <div className="grid gap-1.5">
            <Label htmlFor="sign-in-name">{by === "email" ? "Email" : "Name"}</Label>
            <Input
              id="sign-in-name"
              name="name"
              type={by === "email" ? "email" : "text"}
              autoComplete={by === "email" ? "email" : "username"}
              required
              maxLength={254}
            />
          </div>
          <div className="grid gap-1.5">
            <Label htmlFor="sign-in-password">Password</Label>
            <Input
              id="sign-in-password"
              name="password"
              type="password"
              autoComplete={joining ? "new-password" : "current-password"}
              required
              minLength={joining ? 8 : undefined}
              maxLength={200}
            />
          </div>
          {error && (
            <p role="alert" className="text-sm text-destructive">
              {error}
            </p>
          )}
          <Button type="submit" disabled={busy}>
            {joining ? "Sign up" : "Log in"}
          </Button>
        </form>
        {mayJoin && (
          <p className="text-sm text-muted-foreground">
            {joining ? "You have an account?" : "No account yet?"}{" "}
            <Button
              variant="link"
              className="h-auto p-0"
              onClick={() => {
                setJoining(!joining);
                setError("");
              }}
            >
              {joining ? "Log in" : "Sign up"}
            </Button>
          </p>
        )}
      </CardContent>
    </Card>
  );
}
