/** `postern daemon`: from the start to the exit status, signals included. */
import { resolve } from "node:path";
import type { Config } from "../policy/config.ts";
import { readConfig } from "./documents.ts";
import { runAsUser } from "./privileged.ts";
import { Service, type ServiceOptions } from "./service.ts";

/**
 * Runs the gateway until it is told to stop (SIGTERM, SIGINT, or the operation `stop`). Started by root it becomes the
 * configuration's user first: a child process then does the work, and this one waits for it.
 *
 * @param configPath The configuration document.
 * @returns the exit status.
 * @throws {PosternError} what hinders the start.
 */
export async function runDaemon(configPath: string): Promise<number> {
  const path = resolve(configPath);
  if (Deno.uid() !== 0) return await serve(path);
  const config = await readConfig(path);
  if (config.user === "root") return await serve(path, config);
  return await runAsUser(path, config);
}

/**
 * Runs the gateway in this process, as its user.
 *
 * @param config The configuration, where it was read a moment ago.
 */
export async function serve(
  path: string,
  config?: Config,
  options: ServiceOptions = {},
): Promise<number> {
  Deno.umask(0o077);
  const service = await Service.start(path, config, options);
  const stop = () => void service.stop();
  const reload = () => {
    void service.reopenLog();
    service.reload().catch(() => {}); // it is in the log
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
