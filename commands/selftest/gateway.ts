/** A gateway of the self-test's own: this node's agents and policy, on free ports, with a private Maildir behind them. */
import { join } from "node:path";
import { ControlClient } from "../../daemon/control/client.ts";
import { readConfig } from "../../daemon/documents.ts";
import { controlPath } from "../../daemon/state.ts";
import { serviceUser } from "../../daemon/unprivileged.ts";
import type { Config } from "../../policy/config.ts";
import { selfCommand } from "../self.ts";
import { TestImapMailboxes } from "./imap_mailboxes.ts";
import { TestMailboxes } from "./mailboxes.ts";

/** Where no document says otherwise: both ways of the SMTP agent, and one of each other kind. */
const DEFAULT_AGENTS = [
  { agent: "smtp", name: "after-queue", mode: "after-queue" },
  { agent: "smtp", name: "before-queue", mode: "before-queue" },
  { agent: "milter", name: "milter" },
  { agent: "pop3", name: "pop3" },
  { agent: "imap", name: "imap" },
  { agent: "clamd", name: "clamd" },
  { agent: "spamd", name: "spamd" },
  { agent: "rspamd", name: "rspamd" },
  { agent: "delegation", name: "delegation" },
];

/** What the built-in settings would do, said once more: each test mail has an end of its own. */
const DEFAULT_POLICY = {
  settings: {
    antivirus: { action: "scan", infected: "reject", notScanned: "defer" },
    antispam: { action: "scan", threshold: 5, spam: "quarantine" },
  },
};

/** How long it may take to start and to stop, ms. */
const START_MS = 30_000;

/** What the test talks to. */
export interface TestGateway {
  readonly control: ControlClient;
  /** Where an agent delivers. */
  readonly maildir: (agent: string) => string;
  /** Behind the agents that hand out mail. */
  readonly mailboxes: TestMailboxes;
  readonly imapMailboxes: TestImapMailboxes;
  /** Stops it and removes all that it wrote. */
  readonly close: () => Promise<void>;
}

/**
 * Starts one.
 *
 * @param configPath The node's document; without it one of each of {@link DEFAULT_AGENTS}, with a plain policy.
 * @throws {Error} with the log's last lines when it does not start.
 */
export async function startGateway(configPath: string | undefined): Promise<TestGateway> {
  const node = configPath === undefined ? undefined : await readConfig(configPath);
  const directory = await Deno.makeTempDir({ prefix: "postern-selftest-" });
  const maildir = (agent: string) => join(directory, `mail-${agent}`);
  const mailboxes = new TestMailboxes();
  const imapMailboxes = new TestImapMailboxes();
  try {
    const document = await writeDocuments(directory, node, maildir, {
      pop3: mailboxes.port,
      imap: imapMailboxes.port,
    });
    // A process of its own: started by root it becomes another user, and this one stays what it is.
    const [program, ...args] = selfCommand(["daemon", "--config", document]);
    const daemon = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const errors = new Response(daemon.stderr).text();
    const control = await connected(
      controlPath(join(directory, "state")),
      daemon,
      errors,
      directory,
    );
    return {
      control,
      maildir,
      mailboxes,
      imapMailboxes,
      async close() {
        await control.call("stop").catch(() => {}); // the connection ends with the daemon
        control.close();
        mailboxes.close();
        imapMailboxes.close();
        await Promise.all([daemon.status, errors]);
        await Deno.remove(directory, { recursive: true });
      },
    };
  } catch (error) {
    mailboxes.close();
    imapMailboxes.close();
    await Deno.remove(directory, { recursive: true }).catch(() => {});
    throw error;
  }
}

async function writeDocuments(
  directory: string,
  node: Config | undefined,
  maildir: (agent: string) => string,
  mailboxPorts: Readonly<Record<"pop3" | "imap", number>>,
): Promise<string> {
  const policy = node?.policy ?? join(directory, "policy.ts");
  const agents = (node?.agents ?? DEFAULT_AGENTS).map((agent) => ({
    ...agent,
    listen: "127.0.0.1:0",
    proxies: undefined, // the test itself connects
    transparent: undefined,
    // The test mail comes without encryption, over the loopback alone.
    ...(agent.agent === "smtp"
      ? { requireTls: false, nextHop: `maildir:${maildir(agent.name)}` }
      : {}),
    // Paths are for a socket in the file system; the test's own agent is asked without a password.
    ...(agent.agent === "clamd" ? { directories: [] } : {}),
    ...(agent.agent === "rspamd" ? { password: undefined } : {}),
    ...(agent.agent === "pop3" || agent.agent === "imap"
      ? ownMailboxes(agent.agent, mailboxPorts[agent.agent])
      : {}),
  }));
  const config = {
    ...node,
    state: join(directory, "state"),
    policy,
    agents,
    log: { level: "info", format: "text", to: [`file:${join(directory, "log")}`] },
    quarantine: {},
    tools: undefined, // the running daemon's
  };
  const source = (value: unknown) => `export default ${JSON.stringify(value, null, 2)};\n`;
  const document = join(directory, "postern.config.ts");
  await Deno.writeTextFile(document, source(config));
  if (node === undefined) await Deno.writeTextFile(policy, source(DEFAULT_POLICY));
  // The daemon gives up being root: all is then the other user's.
  const user = Deno.uid() === 0 ? serviceUser(node?.user) : undefined;
  if (user !== undefined) {
    for (const path of [directory, document, ...(node === undefined ? [policy] : [])]) {
      await Deno.chown(path, user.uid, user.gid);
    }
  }
  return document;
}

/** Fields of an agent that hands out mail: the test's own server behind it, without encryption, over the loopback alone. */
function ownMailboxes(scheme: string, port: number) {
  return {
    server: `${scheme}://127.0.0.1:${port}`,
    servers: [],
    serverTls: "none",
    implicitTls: false,
    requireTls: false,
  };
}

/** Waits until the daemon answers; what ends it before that is told with its own words. */
async function connected(
  socket: string,
  daemon: Deno.ChildProcess,
  errors: Promise<string>,
  directory: string,
): Promise<ControlClient> {
  let ended = false;
  daemon.status.finally(() => ended = true);
  const deadline = performance.now() + START_MS;
  while (!ended && performance.now() < deadline) {
    try {
      return await ControlClient.connect(socket);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  if (!ended) daemon.kill("SIGKILL");
  const log = await Deno.readTextFile(join(directory, "log")).catch(() => "");
  const words = `${await errors}\n${log}`.trim().split("\n").slice(-2).join("; ");
  throw new Error(`The test gateway did not start${words === "" ? "" : `: ${words}`}`);
}
