// What the server tells the shell: the layout, and the components as modules.

export type Json = unknown;

export interface Action {
  call?: string;
  method?: string;
  query?: Record<string, Json>;
  body?: Json;
  refresh?: string[];
  say?: string;
  to?: string;
}

export interface Node {
  component: string;
  id?: string;
  props?: Record<string, Json>;
  on?: Record<string, Action>;
  children?: Node[];
}

export interface Page {
  path: string;
  title?: string;
  needs?: 'user';
  data?: Record<string, { call: string; query?: Record<string, Json> }>;
  top?: Node[];
  main: Node[];
  aside?: Node[];
  bottom?: Node[];
}

export interface Accounts {
  by?: 'email' | 'name';
  signUp?: boolean;
}

export interface Layout {
  title: string;
  accounts?: Accounts;
  navigation?: { label: string; to: string }[];
  pages: Page[];
}

export interface Entry {
  path: string;
  module?: string;
  style?: string;
  failure?: { message: string; source: string; frame: string };
}

export interface State {
  layout: Layout | null;
  /** Why there is no layout, or what of it does not fit. */
  problems: { at: string; message: string }[];
  components: Record<string, Entry>;
  style?: string;
}
