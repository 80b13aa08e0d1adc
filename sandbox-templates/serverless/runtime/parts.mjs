// The parts that the shell has, for layouts that need no component of their own: what each takes, true where needed.
export const BUILT_IN = {
  Heading: { props: { text: true, level: false } },
  Text: { props: { text: true, muted: false } },
  Card: { props: { title: false, children: false } },
  Columns: { props: { count: false, children: false } },
  Stat: { props: { label: true, value: true } },
  Table: { props: { rows: true, columns: false, label: false, empty: false, onRow: false } },
  Form: { props: { fields: true, submit: false, onSubmit: true } },
  Button: { props: { label: true, variant: false, onClick: true } },
  Link: { props: { label: true, to: true } },
  SignIn: { props: { title: false, text: false } },
};
