/** Whom processes run as that read what others wrote, where this one is root. */
import { findUser, mayRead, systemTool, type User } from "./confine.ts";
import { programFiles } from "./entries.ts";

/** Users that there may be, first choice first. */
const USERS = ["postern", "nobody"] as const;

/** The files that a user of this name could not read, kept: the answer does not change while the program runs. */
const closedTo = new Map<string, string | undefined>();

/** First file or directory of the program that a user cannot read; `undefined` where all can be read. */
export function closedProgramFile(user: User): string | undefined {
  if (!closedTo.has(user.name)) {
    const files = programFiles();
    const isOpen = mayRead(user, ...files); // asked at once: each question is a process
    closedTo.set(user.name, isOpen ? undefined : files.find((path) => !mayRead(user, path)));
  }
  return closedTo.get(user.name);
}

/** The configured user, or else `nobody`. */
export function serviceUser(name: string = USERS[0]): User | undefined {
  return findUser(name) ?? findUser(USERS[1]);
}

/**
 * The user for a child process, where this process is root.
 *
 * @param name First choice; `root` asks for no change.
 * @param onClosed Told when there is a user who cannot read the program: the child then keeps the user id, without capabilities.
 * @returns `undefined` where the child is to keep this process's user.
 */
export function unprivilegedUser(
  name?: string,
  onClosed: (user: User, path: string) => void = () => {},
): User | undefined {
  if (Deno.uid() !== 0 || name === "root" || !systemTool("setpriv")) return undefined;
  const user = serviceUser(name);
  if (!user) return undefined;
  const closed = closedProgramFile(user);
  if (closed === undefined) return user;
  onClosed(user, closed);
  return undefined;
}
