/** The `postern` command: finds the sub-command and runs it; each lies in a file of its own in commands/. */
import type { Command, Task } from "./commands/command.ts";

/** Sub-commands in the order of the help page; loaded only when asked for, since loading them all takes time. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  daemon: async () => (await import("./commands/daemon.ts")).daemon,
  status: async () => (await import("./commands/status.ts")).status,
  reload: async () => (await import("./commands/reload.ts")).reload,
  stop: async () => (await import("./commands/stop.ts")).stop,
  scan: async () => (await import("./commands/scan.ts")).scan,
  pipe: async () => (await import("./commands/pipe.ts")).pipe,
  send: async () => (await import("./commands/send.ts")).send,
  quarantine: async () => (await import("./commands/quarantine.ts")).quarantine,
  store: async () => (await import("./commands/store.ts")).store,
  modules: async () => (await import("./commands/modules.ts")).modules,
  policy: async () => (await import("./commands/policy.ts")).policy,
  import: async () => (await import("./commands/import.ts")).importClassic,
  selftest: async () => (await import("./commands/selftest.ts")).selftest,
  version: async () => (await import("./commands/version.ts")).version,
};

async function main(args: readonly string[]): Promise<number> {
  const [first = ""] = args;
  if (args.length === 1 && ["--version", "-V", "version"].includes(first)) {
    const { printVersion } = await import("./commands/version.ts");
    return printVersion();
  }
  if (first.startsWith("__")) {
    // A part of ourselves, where the program is one bundle: see daemon/entries.ts.
    const { DAEMON_AGAIN, runHidden } = await import("./daemon/entries.ts");
    if (first === DAEMON_AGAIN) {
      const { expectHandover } = await import("./daemon/handover.ts");
      expectHandover();
      return await main(["daemon", ...args.slice(1)]);
    }
    const status = await runHidden(args);
    if (status !== undefined) return status;
  }
  const names = Object.hasOwn(COMMANDS, first) ? [first] : Object.keys(COMMANDS);
  const commands = await Promise.all(names.map((name) => COMMANDS[name]?.()));
  const { parse } = await import("./commands/parse.ts");
  const task: Task | number = parse(commands.filter((each) => each !== undefined), args);
  return typeof task === "number" ? task : await task();
}

if (import.meta.main) {
  let status: number;
  try {
    status = await main(Deno.args);
  } catch (error) {
    const { reportFailure } = await import("./commands/failure.ts");
    status = reportFailure(error, Deno.args[0] ?? "");
  }
  Deno.exit(status);
}
