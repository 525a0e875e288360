/** The `postern` command: finds the sub-command and runs it; each lies in a file of its own in commands/. */
import { calledAs } from "./commands/called_as.ts";
import type { Command, Task } from "./commands/command.ts";

/** Sub-commands in the order of the help page; loaded only when asked for, since loading them all takes time. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  daemon: async () => (await import("./commands/daemon.ts")).daemon,
  status: async () => (await import("./commands/status.ts")).status,
  reload: async () => (await import("./commands/reload.ts")).reload,
  stop: async () => (await import("./commands/stop.ts")).stop,
  scan: async () => (await import("./commands/scan.ts")).scan,
  pipe: async () => (await import("./commands/pipe.ts")).pipe,
  mda: async () => (await import("./commands/mda.ts")).mda,
  "qmail-queue": async () => (await import("./commands/qmail_queue.ts")).qmailQueue,
  cgp: async () => (await import("./commands/cgp.ts")).cgp,
  zmailer: async () => (await import("./commands/zmailer.ts")).zmailer,
  "esets-cli": async () => (await import("./commands/esets_cli.ts")).esetsCli,
  send: async () => (await import("./commands/send.ts")).send,
  quarantine: async () => (await import("./commands/quarantine.ts")).quarantine,
  greylist: async () => (await import("./commands/greylist.ts")).greylist,
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

/** What the program was called: links to the single binary have other names; bin/postern says what it was called itself. */
function ownName(): string {
  if (!Deno.build.standalone) return Deno.env.get("POSTERN_CALLED") ?? "";
  try {
    return Deno.readTextFileSync("/proc/self/cmdline").split("\0", 1)[0] ?? "";
  } catch {
    return ""; // no such system: the program's own name
  }
}

if (import.meta.main) {
  const args = calledAs(ownName(), Deno.args);
  let status: number;
  try {
    status = await main(args);
  } catch (error) {
    const { reportFailure } = await import("./commands/failure.ts");
    status = reportFailure(error, args[0] ?? "");
  }
  Deno.exit(status);
}
