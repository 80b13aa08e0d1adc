import type { Tables } from "app";

type Contact = Tables["contacts"];

interface Props {
  contacts?: Contact[];
  onRemove: (contact: { id: number }) => void;
}

export default function ContactList({ contacts, onRemove }: Props) {
  if (!contacts) return <p className="app-muted">Loading …</p>;
  if (!contacts.length) {
    return (
      <div className="empty">
        <h2>No contacts yet</h2>
        <p className="app-muted">Add your first contact with the form above: a name is enough to begin.</p>
      </div>
    );
  }
  return (
    <ul className="contacts">
      {contacts.map((contact) => (
        <li key={contact.id}>
          <div className="who">
            <strong>{contact.name}</strong>
            <span className="app-muted">{contact.company || "No company"}</span>
            {contact.email ? <a href={`mailto:${contact.email}`}>{contact.email}</a> : null}
          </div>
          <button
            type="button"
            className="app-button app-button-outline"
            aria-label={`Delete ${contact.name}`}
            onClick={() => onRemove({ id: contact.id })}
          >
            ✕
          </button>
        </li>
      ))}
    </ul>
  );
}
