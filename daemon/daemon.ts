/** `postern daemon`: from the start to the exit status, signals included. */
import { resolve } from "node:path";
import { readConfig } from "./documents.ts";
import { type Handover, takeHandover } from "./handover.ts";
import { giveUpRoot } from "./privileged.ts";
import { Service, type ServiceOptions } from "./service.ts";

/** How `postern daemon` was called. */
export interface DaemonCall {
  /**
   * Arguments of `postern daemon` that do the same again: this process, where it is root's, replaces itself then by one that is
   * not. Without them it starts another and waits for it, since it has something else to do.
   */
  readonly again?: readonly string[];
  /** Called in the process that serves, just before it does. */
  onServing?(): Promise<void>;
}

/**
 * Runs the gateway until it is told to stop (SIGTERM, SIGINT, or the operation `stop`). Started by root it becomes the
 * configuration's user first.
 *
 * @param configPath The configuration document.
 * @returns the exit status.
 * @throws {PosternError} what hinders the start.
 */
export async function runDaemon(configPath: string, call: DaemonCall = {}): Promise<number> {
  const path = resolve(configPath);
  let given = await takeHandover();
  if (!given && Deno.uid() === 0) {
    const config = await readConfig(path);
    if (config.user !== "root") return await giveUpRoot(path, config, call.again);
    given = { config, files: {} };
  }
  await call.onServing?.();
  return await serve(path, given);
}

/**
 * Runs the gateway in this process, as its user.
 *
 * @param given What was read a moment ago.
 */
export async function serve(
  path: string,
  given?: Handover,
  options: ServiceOptions = {},
): Promise<number> {
  Deno.umask(0o077);
  const service = await Service.start(path, given, options);
  const stop = () => void service.stop();
  const reload = () => {
    void service.reopenLog();
    service.reload("signal").catch(() => {}); // it is in the log
  };
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGHUP", reload);
  try {
    await service.stopped;
  } finally {
    Deno.removeSignalListener("SIGTERM", stop);
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGHUP", reload);
  }
  return 0;
}
