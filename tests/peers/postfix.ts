/** A Postfix of the test's own: own configuration, queue and ports; beside any other on the machine, and without DNS. */
import { accepts, freePort } from "../wait.ts";
import { peer } from "./peer.ts";
import { Process, run } from "./process.ts";

/** Domain whose mail this Postfix takes for its own Maildir. */
export const POSTFIX_DOMAIN = "here.test";

/** What is special about this Postfix. */
export interface PostfixOptions {
  /** An empty directory that other users may enter. */
  readonly directory: string;
  /** Lines for main.cf, in place of ours of the same name. */
  readonly main?: readonly string[];
  /** Services of master.cf besides the usual ones, whole lines. `PORT` listeners are made by the caller. */
  readonly services: readonly string[];
}

/** A running Postfix. */
export interface Postfix extends AsyncDisposable {
  /** Files of the Maildir that {@link POSTFIX_DOMAIN}'s mail was put into, with their octets (LF line ends, as Postfix writes). */
  delivered(): Promise<readonly Uint8Array[]>;
  /** The mail log so far. */
  log(): Promise<string>;
  /** Messages still in its queue. */
  queued(): Promise<number>;
}

/** How long a Postfix may run that nobody stops, s. */
const LONGEST_LIFE_S = 600;

/** Services that every Postfix of these tests has; none in a chroot, none woken for what was queued before. */
const USUAL_SERVICES: readonly string[] = [
  "pickup    unix  n       -       n       60      1       pickup",
  "cleanup   unix  n       -       n       -       0       cleanup",
  "qmgr      unix  n       -       n       300     1       qmgr",
  "rewrite   unix  -       -       n       -       -       trivial-rewrite",
  "bounce    unix  -       -       n       -       0       bounce",
  "defer     unix  -       -       n       -       0       bounce",
  "trace     unix  -       -       n       -       0       bounce",
  "verify    unix  -       -       n       -       1       verify",
  "flush     unix  n       -       n       1000?   0       flush",
  "proxymap  unix  -       -       n       -       -       proxymap",
  "smtp      unix  -       -       n       -       -       smtp",
  "relay     unix  -       -       n       -       -       smtp",
  "lmtp      unix  -       -       n       -       -       lmtp",
  "showq     unix  n       -       n       -       -       showq",
  "error     unix  -       -       n       -       -       error",
  "retry     unix  -       -       n       -       -       error",
  "discard   unix  -       -       n       -       -       discard",
  "virtual   unix  -       n       n       -       -       virtual",
  "anvil     unix  -       -       n       -       1       anvil",
  "scache    unix  -       -       n       -       1       scache",
  "postlog   unix-dgram n  -       n       -       1       postlogd",
];

/** Starts Postfix; `ports` are awaited. Needs root. */
export async function startPostfix(
  options: PostfixOptions,
  ports: readonly number[],
): Promise<Postfix> {
  const { directory } = options;
  const configuration = `${directory}/etc`;
  const queue = `${directory}/queue`;
  const mail = `${directory}/mail`;
  const log = `${directory}/log`;
  for (const path of [configuration, queue, `${directory}/data`, mail, log]) await Deno.mkdir(path);
  const postfixUser = await userId("postfix");
  await Deno.chown(`${directory}/data`, postfixUser, null);
  // virtual(8) refuses ids below 100 and delivers as the given one.
  const mailUser = await userId("nobody");
  await Deno.chown(mail, mailUser, null);

  const main = [
    "compatibility_level = 3.6",
    `queue_directory = ${queue}`,
    `data_directory = ${directory}/data`,
    `maillog_file = ${log}/maillog`,
    `maillog_file_prefixes = ${log}`,
    "myhostname = mx.here.test",
    "mydestination =",
    "mynetworks = 127.0.0.0/8",
    "inet_interfaces = 127.0.0.1",
    "inet_protocols = ipv4",
    "alias_maps =",
    "alias_database =",
    "local_recipient_maps =",
    "disable_dns_lookups = yes",
    "smtp_host_lookup = native",
    "smtp_dns_support_level = disabled",
    "smtpd_peername_lookup = no",
    "biff = no",
    // What arrives is what was sent: nothing is qualified or added.
    "local_header_rewrite_clients =",
    "remote_header_rewrite_domain =",
    "always_add_missing_headers = no",
    "message_size_limit = 104857600",
    "mailbox_size_limit = 0",
    "virtual_mailbox_limit = 0",
    `virtual_mailbox_domains = ${POSTFIX_DOMAIN}`,
    `virtual_mailbox_base = ${mail}`,
    "virtual_mailbox_maps = static:box/",
    `virtual_uid_maps = static:${mailUser}`,
    `virtual_gid_maps = static:${mailUser}`,
    "smtpd_relay_restrictions = permit_mynetworks, reject",
    "smtpd_recipient_restrictions =",
    // Soon tried again, so that a test of a deferral need not wait.
    "minimal_backoff_time = 1s",
    "maximal_backoff_time = 2s",
    "queue_run_delay = 1s",
    "smtpd_client_connection_count_limit = 0",
    "smtpd_client_connection_rate_limit = 0",
    "smtpd_error_sleep_time = 0",
    ...options.main ?? [],
  ];
  // Each name once: Postfix warns of a second one in every process, postlogd too, and that one writes to the very socket that it
  // alone reads. When ten others were first (net.unix.max_dgram_qlen), all of them wait for ever.
  const byName = new Map(main.map((line) => [line.split("=", 1)[0]?.trim(), line]));
  await Deno.writeTextFile(`${configuration}/main.cf`, `${[...byName.values()].join("\n")}\n`);
  await Deno.writeTextFile(
    `${configuration}/master.cf`,
    `${[...options.services, ...USUAL_SERVICES].join("\n")}\n`,
  );

  const program = await peer("postfix");
  const readLog = () => Deno.readTextFile(`${log}/maillog`).catch(() => "");
  const checked = await run(program, ["-c", configuration, "check"]);
  if (checked.code !== 0) {
    throw new Error(`Postfix does not check: ${checked.stdout}${checked.stderr}${await readLog()}`);
  }
  const setting = await run(await peer("postconf"), [
    "-c",
    configuration,
    "-h",
    "daemon_directory",
  ]);
  // In the foreground, a child of the test. It changes its user ids, so it does not hear of its parent's death: should the test
  // run be killed, it ends by itself after a while.
  const master = new Process("postfix", `${setting.stdout.trim()}/master`, [
    "-c",
    configuration,
    "-s",
    "-e",
    String(LONGEST_LIFE_S),
  ], {
    env: { MAIL_CONFIG: configuration },
  });
  const stop = async () => {
    await master.stop();
  };
  try {
    for (const port of ports) await master.ready(`listens on ${port}`, () => accepts(port));
  } catch (error) {
    await stop();
    throw new Error(`Postfix does not listen: ${await readLog()}`, { cause: error });
  }
  return {
    log: readLog,
    queued: async () => {
      let count = 0;
      for (const name of ["maildrop", "incoming", "active", "deferred"]) {
        count += await countFiles(`${queue}/${name}`);
      }
      return count;
    },
    delivered: async () => {
      const files: Uint8Array[] = [];
      try {
        for await (const entry of Deno.readDir(`${mail}/box/new`)) {
          files.push(await Deno.readFile(`${mail}/box/new/${entry.name}`));
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      return files;
    },
    [Symbol.asyncDispose]: stop,
  };
}

/**
 * A line of master.cf for an SMTP listener on 127.0.0.1.
 *
 * @param settings `-o` settings, such as `content_filter=`. Values hold no spaces: commas part lists.
 */
export function smtpdService(port: number, settings: readonly string[] = []): string {
  return [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    ...settings.map((setting) => `  -o ${setting}`),
  ].join("\n");
}

/** Two free ports that differ: the listener for clients and the one that the filter gives mail back to. */
export function twoPorts(): { readonly front: number; readonly back: number } {
  const front = freePort();
  let back = freePort();
  while (back === front) back = freePort();
  return { front, back };
}

async function userId(name: string): Promise<number> {
  const { stdout } = await run("id", ["-u", name]);
  const id = Number.parseInt(stdout, 10);
  if (Number.isNaN(id)) throw new Error(`There is no user ${name}`);
  return id;
}

async function countFiles(path: string): Promise<number> {
  let count = 0;
  try {
    for await (const entry of Deno.readDir(path)) {
      count += entry.isDirectory ? await countFiles(`${path}/${entry.name}`) : 1;
    }
  } catch (error) {
    // A folder not made yet, or a file that moved on to the next folder.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return count;
}
