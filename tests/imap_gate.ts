/** An IMAP agent of a test's own, in this process, between the test and a real Dovecot. */
import { startImapAgent } from "../agents/imap/agent.ts";
import type { ImapAgentStart } from "../agents/imap/context.ts";
import { parseListen } from "../agents/listener.ts";
import type { RunningAgent } from "../agents/ports.ts";
import { compilePolicy } from "../policy/compile.ts";
import { imapAgentSchema } from "../policy/imap_config.ts";
import { EnginePorts } from "./engine_ports.ts";
import {
  type MailboxServer,
  type MailboxServerOptions,
  startMailboxServer,
} from "./peers/dovecot_mailboxes.ts";
import { temporaryDirectory } from "./temporary.ts";

/** What a test says of it. */
export interface ImapGateOptions {
  readonly users: readonly string[];
  readonly policy?: unknown;
  /** Fields of the agent's configuration. */
  readonly config?: Record<string, unknown>;
  readonly server?: Omit<MailboxServerOptions, "users" | "protocols">;
  readonly start?: Partial<Pick<ImapAgentStart, "tlsPem" | "serverCaPem">>;
  readonly ports?: EnginePorts;
}

/** Dovecot and the agent before it. */
export interface ImapGate extends AsyncDisposable {
  readonly dovecot: MailboxServer;
  readonly agent: RunningAgent;
  readonly ports: EnginePorts;
  /** Where the agent listens on 127.0.0.1. */
  readonly port: number;
  readonly directory: string;
}

/** Starts both. */
export async function startImapGate(options: ImapGateOptions): Promise<ImapGate> {
  const directory = await temporaryDirectory();
  const dovecot = await startMailboxServer(directory.path, {
    ...options.server,
    users: options.users,
    protocols: ["imap"],
  });
  const ports = options.ports ?? new EnginePorts({});
  if (options.policy !== undefined) ports.tree = compilePolicy(options.policy);
  const config = imapAgentSchema.parse({
    agent: "imap",
    listen: "127.0.0.1:0",
    server: `imap://127.0.0.1:${dovecot.ports.imap}`,
    ...options.config,
  });
  const agent = await startImapAgent(
    { ...config, hostname: "gateway.test", ...options.start },
    ports,
  );
  return {
    dovecot,
    agent,
    ports,
    port: parseListen(agent.addresses[0]!).port,
    directory: directory.path,
    async [Symbol.asyncDispose]() {
      agent.close();
      await agent.drain();
      await dovecot[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Every form of FETCH that shows something of a message; `n` stands for its number. */
export const FETCH_FORMS: readonly string[] = [
  "BODY[]",
  "BODY.PEEK[]",
  "BODY.PEEK[]<0.2048>",
  "BODY.PEEK[]<100.1000000>",
  "BODY.PEEK[TEXT]",
  "BODY[TEXT]<0.100000>",
  "BODY.PEEK[HEADER]",
  "BODY.PEEK[HEADER.FIELDS (SUBJECT CONTENT-TYPE)]",
  "BODY.PEEK[HEADER.FIELDS.NOT (RECEIVED)]",
  "BODY.PEEK[1]",
  "BODY.PEEK[2]",
  "BODY.PEEK[2]<0.2048>",
  "BODY.PEEK[1.1]",
  "BODY.PEEK[1.2]",
  "BODY.PEEK[2.1]",
  "BODY.PEEK[1.MIME]",
  "BODY.PEEK[2.MIME]",
  "BODY.PEEK[1.HEADER]",
  "BODY.PEEK[1.TEXT]",
  "BINARY.PEEK[1]",
  "BINARY.PEEK[2]",
  "BINARY.PEEK[2]<0.100>",
  "BINARY.SIZE[2]",
  "RFC822",
  "RFC822.TEXT",
  "RFC822.HEADER",
  "RFC822.SIZE",
  "BODYSTRUCTURE",
  "BODY",
  "ENVELOPE",
  "PREVIEW",
  "SNIPPET",
  "ALL",
  "FULL",
  "(FLAGS BODY.PEEK[1] BODY.PEEK[2] BODYSTRUCTURE ENVELOPE RFC822.SIZE)",
];
