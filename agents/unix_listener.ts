/** Sockets in the file system: made with a mode, taken over, removed. */
import { PosternError } from "../errors.ts";
import type { Connection } from "./stream.ts";

/** What a listener does for whoever accepts. */
export interface Accepting {
  readonly addr: Deno.Addr;
  /** Waits for a connection. */
  accept(): Promise<Connection>;
  /** Stops to listen. */
  close(): void;
}

/**
 * Removes the socket that a dead process has left at an address, before it is listened on. Other addresses need nothing.
 *
 * @param listen `unix:/PATH` or another address.
 * @throws {PosternError} `wire/closed` where somebody listens there, or the path is no socket. Two cannot share it, as with ports:
 * a successor has to wait until the one before has left.
 */
export async function makeRoom(listen: string): Promise<void> {
  if (!listen.startsWith("unix:")) return;
  const path = listen.slice("unix:".length);
  const there = stat(path);
  if (!there) return;
  if (!there.isSocket) throw new PosternError("wire/closed", `${path} is there and no socket`);
  if (await answers(path)) {
    throw new PosternError("wire/closed", `Somebody listens on ${path} already`);
  }
  remove(path);
}

/** Whether somebody listens there. One of another user's, who does not let us connect, counts too. */
async function answers(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.ConnectionRefused ||
      error instanceof Deno.errors.NotFound);
  }
}

/**
 * Listens on a path that is free. Until the socket has its mode nobody but the owner can connect to it.
 *
 * @param mode Permission bits of the socket.
 * @throws what the system says.
 */
export function listenUnix(path: string, mode: number): Accepting {
  const listener = Deno.listen({ transport: "unix", path });
  try {
    Deno.chmodSync(path, mode);
  } catch (error) {
    listener.close();
    remove(path);
    throw error;
  }
  const ino = stat(path)?.ino;
  return {
    addr: listener.addr,
    accept: () => listener.accept(),
    close() {
      listener.close(); // removes the name, too, from Deno 2.9 on
      if (ino !== undefined && stat(path)?.ino === ino) remove(path); // and not a successor's
    },
  };
}

function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
