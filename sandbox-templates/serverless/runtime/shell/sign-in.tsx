// Accounts as people see them: the form to log in or sign up, who is logged in, and what is shown only then.
import { createContext, useContext, useId, useState, type FormEvent, type ReactNode } from 'react';

import { useAccount } from './account';
import { toast } from './app';
import type { Accounts } from './state';

export const Settings = createContext<Accounts | null>(null);

/** Shows what is in it to whoever is logged in, where it is closed; the form to others. */
export function Gate({ closed, children }: { closed: boolean; children: ReactNode }) {
  const { user } = useAccount();
  const settings = useContext(Settings);
  if (!closed || user || !settings) return children;
  return user === undefined ? <p className="app-muted">Loading …</p> : <SignIn />;
}

export function SignIn({ title, text }: { title?: unknown; text?: unknown }) {
  const { by = 'email', signUp: open = true } = useContext(Settings) ?? {};
  const { user, logIn, signUp } = useAccount();
  const [joining, setJoining] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const id = useId();
  if (user) return null;
  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError('');
    try {
      await (joining ? signUp : logIn)(String(form.get('name') ?? ''), String(form.get('password') ?? ''));
    } catch (failed) {
      setError(failed instanceof Error ? failed.message : String(failed));
    } finally {
      setBusy(false);
    }
  }
  const label = by === 'email' ? 'Email' : 'Name';
  return (
    <section className="app-card app-sign-in">
      <h1>{joining ? 'Sign up' : title ? String(title) : 'Log in'}</h1>
      {text ? <p className="app-muted">{String(text)}</p> : null}
      <form key={String(joining)} className="app-form" onSubmit={(event) => void send(event)}>
        <div className="app-field">
          <label htmlFor={`${id}-name`}>{label}</label>
          <input
            id={`${id}-name`}
            name="name"
            type={by === 'email' ? 'email' : 'text'}
            autoComplete={by === 'email' ? 'email' : 'username'}
            required
            maxLength={254}
          />
        </div>
        <div className="app-field">
          <label htmlFor={`${id}-password`}>Password</label>
          <input
            id={`${id}-password`}
            name="password"
            type="password"
            autoComplete={joining ? 'new-password' : 'current-password'}
            required
            minLength={joining ? 8 : undefined}
            maxLength={200}
            aria-describedby={joining ? `${id}-rule` : undefined}
          />
          {joining ? (
            <span id={`${id}-rule`} className="app-muted">
              8 characters at least
            </span>
          ) : null}
        </div>
        {error ? (
          <p role="alert" className="app-error">
            {error}
          </p>
        ) : null}
        <button type="submit" className="app-button" disabled={busy}>
          {joining ? 'Sign up' : 'Log in'}
        </button>
      </form>
      {open || joining ? (
        <p className="app-row">
          <span className="app-muted">{joining ? 'You have an account?' : 'No account yet?'}</span>
          <button
            type="button"
            className="app-link"
            onClick={() => {
              setJoining(!joining);
              setError('');
            }}
          >
            {joining ? 'Log in' : 'Sign up'}
          </button>
        </p>
      ) : null}
    </section>
  );
}

/** In the header: who is logged in, and the way out. */
export function AccountBar() {
  const { user, logOut } = useAccount();
  if (!user) return null;
  return (
    <div className="app-account">
      <span className="app-muted">{user.name}</span>
      <button
        type="button"
        className="app-button app-button-outline"
        onClick={() => logOut().catch((error: unknown) => toast(error instanceof Error ? error.message : String(error), 'error'))}
      >
        Log out
      </button>
    </div>
  );
}
