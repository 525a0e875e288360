/** What becomes of each command: the one table. */

/** How a command is treated. */
export type Treatment =
  | "pass" // goes to the server as it came; others may be on their way at the same time
  | "alone" // the same, but nothing else is on its way then, as it changes what the others mean
  | "own" // the gate has code of its own for it
  | "refuse"; // BAD: the gate could not see through what it does

/** When a command may be given. */
export type CommandState = "any" | "before-login" | "logged-in";

/** One row. */
export interface CommandRow {
  readonly treatment: Treatment;
  readonly state: CommandState;
  readonly why: string;
}

const pass = (why: string, state: CommandState = "logged-in"): CommandRow => ({
  treatment: "pass",
  state,
  why,
});
const alone = (why: string, state: CommandState = "logged-in"): CommandRow => ({
  treatment: "alone",
  state,
  why,
});
const own = (why: string, state: CommandState = "logged-in"): CommandRow => ({
  treatment: "own",
  state,
  why,
});
const refuse = (why: string): CommandRow => ({ treatment: "refuse", state: "any", why });

/** By name, upper case; `UID ` in front where it is part of it. What is not here is refused. */
export const COMMANDS: Readonly<Record<string, CommandRow>> = {
  CAPABILITY: alone("the response is filtered", "any"),
  NOOP: pass("RFC 9051", "any"),
  ID: alone("RFC 2971", "any"),
  LOGOUT: alone("the server says BYE", "any"),
  STARTTLS: own("ends at the gate", "before-login"),
  LOGIN: own("who it is decides whose policy holds", "before-login"),
  AUTHENTICATE: own("the same, with continuations", "before-login"),
  LANGUAGE: alone("RFC 5255", "any"),
  COMPARATOR: alone("RFC 5255"),
  ENABLE: own("only what changes nothing that the gate reads"),
  NAMESPACE: pass("RFC 2342"),
  CREATE: pass("RFC 9051"),
  DELETE: alone("what it names may be selected"),
  RENAME: alone("the same"),
  SUBSCRIBE: pass("RFC 9051"),
  UNSUBSCRIBE: pass("RFC 9051"),
  LIST: pass("RFC 9051"),
  LSUB: pass("RFC 3501"),
  RLIST: pass("RFC 2193"),
  RLSUB: pass("RFC 2193"),
  XLIST: pass("Gmail's LIST before RFC 6154"),
  STATUS: pass("RFC 9051"),
  SELECT: own("whose messages are cached under which UIDVALIDITY"),
  EXAMINE: own("the same"),
  CLOSE: alone("nothing is selected then"),
  UNSELECT: alone("the same"),
  CHECK: pass("RFC 3501"),
  EXPUNGE: alone("sequence numbers change"),
  "UID EXPUNGE": alone("the same"),
  IDLE: own("lasts until DONE"),
  SEARCH: pass("numbers alone"),
  "UID SEARCH": pass("numbers alone"),
  ESEARCH: pass("RFC 7377; numbers alone"),
  CANCELUPDATE: pass("RFC 5267"),
  SORT: pass("numbers alone"),
  "UID SORT": pass("numbers alone"),
  THREAD: pass("numbers alone"),
  "UID THREAD": pass("numbers alone"),
  FETCH: own("scanned"),
  "UID FETCH": own("scanned"),
  STORE: pass("flags; the FETCH responses are read"),
  "UID STORE": pass("the same"),
  COPY: pass("inside of the server"),
  "UID COPY": pass("inside of the server"),
  MOVE: alone("sequence numbers change"),
  "UID MOVE": alone("the same"),
  APPEND: own("scanned"),
  GETQUOTA: pass("RFC 9208"),
  SETQUOTA: pass("RFC 9208"),
  GETQUOTAROOT: pass("RFC 9208"),
  GETACL: pass("RFC 4314"),
  SETACL: pass("RFC 4314"),
  DELETEACL: pass("RFC 4314"),
  LISTRIGHTS: pass("RFC 4314"),
  MYRIGHTS: pass("RFC 4314"),
  GETMETADATA: pass("RFC 5464; no mail"),
  SETMETADATA: pass("RFC 5464; no mail"),
  COMPRESS: refuse("the gate would see noise"),
  REPLACE: refuse("RFC 8508; would upload without a scan"),
  "UID REPLACE": refuse("the same"),
  GENURLAUTH: refuse("RFC 4467; content by another way than FETCH"),
  RESETKEY: refuse("RFC 4467"),
  URLFETCH: refuse("RFC 4467; content by another way than FETCH"),
  CONVERT: refuse("RFC 5259; content in another form than was scanned"),
  "UID CONVERT": refuse("the same"),
  CONVERSIONS: refuse("RFC 5259"),
  NOTIFY: refuse("RFC 5465; content that nobody asked for at the time"),
  UNAUTHENTICATE: refuse("RFC 8437; another user on the same connection"),
  GETANNOTATION: refuse("withdrawn; METADATA has taken its place"),
  SETANNOTATION: refuse("the same"),
};

/** The row of a command; one that is not known is refused. */
export function commandRow(name: string): CommandRow {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name]! : refuse("not known");
}
