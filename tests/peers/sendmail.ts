/** A Sendmail of the test's own: its own sendmail.cf, queue and ports. */
import { accepts } from "../wait.ts";
import { peer } from "./peer.ts";
import { Process, run } from "./process.ts";

/** What Sendmail is started with. */
export interface SendmailOptions {
  /** An empty directory for all that it writes. */
  readonly directory: string;
  /** Where it listens, with its filters. */
  readonly port: number;
  /** Where it listens without filters, to see what it does to mail by itself. */
  readonly plainPort: number;
  /** Where all mail goes: a port of 127.0.0.1. */
  readonly nextHop: number;
  /** Equates of INPUT_MAIL_FILTER: `S=inet:8891@127.0.0.1, F=T`. */
  readonly filter: string;
}

/** A running Sendmail. */
export interface Sendmail extends AsyncDisposable {
  /** What went over the wire, and what it said. */
  log(): Promise<string>;
  /** Control files in the queue. */
  queued(): Promise<number>;
}

/** The configuration's source: it relays everything and looks nothing up. */
function source(options: SendmailOptions, root: string): string {
  const { directory, port, plainPort, nextHop, filter } = options;
  const define = (name: string, value: string) => `define(\`${name}', \`${value}')dnl`;
  return [
    "divert(-1)",
    `define(\`_CF_DIR_', \`${root}/usr/share/sendmail/cf/')`,
    `include(\`${root}/usr/share/sendmail/cf/m4/cf.m4')`,
    "divert(0)dnl",
    "VERSIONID(`a test')dnl",
    "OSTYPE(`linux')dnl",
    define("confDOMAIN_NAME", "mx.here.test"),
    define("QUEUE_DIR", `${directory}/queue`),
    define("confPID_FILE", `${directory}/pid`),
    define("STATUS_FILE", ""),
    define("HELP_FILE", ""),
    define("ALIAS_FILE", ""),
    define("confCW_FILE", `${directory}/names`),
    define("confSERVICE_SWITCH_FILE", `${directory}/switch`),
    define("confTO_IDENT", "0s"),
    define("confDELIVERY_MODE", "background"),
    define("confMIN_QUEUE_AGE", "0"),
    define("confLOG_LEVEL", "14"),
    define("confDEF_USER_ID", "65534:65534"),
    define("confREJECT_MSG", "550 5.7.1 Access denied"),
    define("LOCAL_MAILER_PATH", "/bin/false"),
    define("SMART_HOST", "relay:[127.0.0.1]"),
    define("RELAY_MAILER_ARGS", `TCP $h ${nextHop}`),
    "FEATURE(`nocanonify')dnl",
    "FEATURE(`accept_unresolvable_domains')dnl",
    "FEATURE(`promiscuous_relay')dnl",
    "FEATURE(`no_default_msa')dnl",
    `DAEMON_OPTIONS(\`Name=FILTERED, Addr=127.0.0.1, Port=${port}, InputMailFilters=postern')dnl`,
    `DAEMON_OPTIONS(\`Name=PLAIN, Addr=127.0.0.1, Port=${plainPort}')dnl`,
    `MAIL_FILTER(\`postern', \`${filter}')dnl`,
    "MAILER(`local')dnl",
    "MAILER(`smtp')dnl",
    "",
  ].join("\n");
}

/** Starts Sendmail; its ports are awaited. Needs root. */
export async function startSendmail(options: SendmailOptions): Promise<Sendmail> {
  const { directory, port, plainPort } = options;
  const program = await peer("sendmail");
  const root = program.replace(/\/usr\/libexec\/.*$/, "");
  await Deno.mkdir(`${directory}/queue`, { mode: 0o700 });
  await Deno.writeTextFile(`${directory}/switch`, "hosts files\n");
  await Deno.writeTextFile(`${directory}/names`, "");
  await Deno.writeTextFile(`${directory}/sendmail.mc`, source(options, root));
  const made = await run(await peer("m4"), [`${directory}/sendmail.mc`]);
  if (made.code !== 0) throw new Error(`m4 makes no sendmail.cf: ${made.stderr}`);
  const configuration = `${directory}/sendmail.cf`;
  await Deno.writeTextFile(configuration, made.stdout);
  await Deno.chmod(configuration, 0o644);
  const traffic = `${directory}/traffic`;
  const log = async () => await Deno.readTextFile(traffic).catch(() => "");
  // Without a full name of the host it would wait a minute: in a name space of its own it has one.
  const daemon = new Process("sendmail", "/usr/bin/unshare", [
    "--uts",
    "sh",
    "-c",
    'hostname mx.here.test && exec "$@"',
    "sh",
    program,
    "-C",
    configuration,
    "-bD",
    "-q1s",
    "-X",
    traffic,
  ]);
  const stop = async () => void await daemon.stop();
  try {
    for (const each of [port, plainPort]) {
      await daemon.ready(`listens on ${each}`, () => accepts(each));
    }
  } catch (error) {
    await stop();
    throw new Error(`Sendmail does not listen: ${await log()}`, { cause: error });
  }
  return {
    log,
    async queued() {
      let count = 0;
      for await (const { name } of Deno.readDir(`${directory}/queue`)) {
        if (name.startsWith("qf")) count++;
      }
      return count;
    },
    [Symbol.asyncDispose]: stop,
  };
}
