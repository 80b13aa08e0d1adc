import type { Tables } from "app";

type Task = Tables["tasks"];

interface Props {
  tasks?: Task[];
  onDone: (task: { id: number; done: boolean }) => void;
  onRemove: (task: { id: number }) => void;
}

export default function TaskList({ tasks, onDone, onRemove }: Props) {
  if (!tasks) return <p className="app-muted">Loading …</p>;
  if (!tasks.length) return <p className="app-muted">Nothing is to be done. Add the first task above.</p>;
  return (
    <ul className="tasks">
      {tasks.map((task) => (
        <li key={task.id}>
          <label>
            <input
              type="checkbox"
              checked={task.done}
              onChange={(event) => onDone({ id: task.id, done: event.target.checked })}
            />
            <span className={task.done ? "done" : ""}>{task.title}</span>
          </label>
          <button
            type="button"
            className="app-button app-button-outline"
            aria-label={`Delete ${task.title}`}
            onClick={() => onRemove({ id: task.id })}
          >
            Delete
          </button>
        </li>
      ))}
    </ul>
  );
}
