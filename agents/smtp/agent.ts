import type { SmtpAgentConfig } from "../../policy/config.ts";
import { parseTime } from "../../policy/units.ts";
import { ListeningAgent } from "../listening_agent.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import type { ConnStream } from "../stream.ts";
import { renewIdentity, serverIdentity } from "../tls.ts";
import { destinationOf, sharing, type TransparentRules } from "../transparent.ts";
import { type SmtpAgentStart, type SmtpContext, smtpSettings } from "./context.ts";
import { DeliveredMemory } from "./delivered_memory.ts";
import { describe } from "../describe.ts";
import { type NextHop, parseNextHop } from "./next_hop.ts";
import { RelayPool } from "./relay_client.ts";
import { SessionRunner } from "./session_runner.ts";

/** Servers that redirected clients go on to and whose connections are kept; the one used longest ago is let go of. */
const MAX_DESTINATIONS = 200;
/** What a reload may change without a new worker: what neither sockets nor permissions depend on. */
const CHANGEABLE = [
  "mode",
  "direction",
  "hostname",
  "requireTls",
  "auth",
  "xforward",
  "xclient",
  "limits",
  "tls", // another certificate; see renewIdentity
  "tlsPem",
];

/**
 * Starts the SMTP agent: listens, scans, decides, relays.
 *
 * @param config The checked configuration, the node's name where it has none, and the PEM texts of the files it names.
 * @throws {PosternError} `wire/closed` when the address cannot be listened on, `smtp/tls` when the certificate cannot be used.
 */
export function startSmtpAgent(
  config: SmtpAgentConfig & {
    tlsPem?: { certificate: string; key: string };
    nextHopCaPem?: string;
    hostname: string;
    shareAddress?: boolean;
  },
  ports: AgentPorts,
): Promise<RunningAgent> {
  return Promise.resolve().then(() => new SmtpAgent(config, ports)); // whatever fails, fails as a rejection
}

function poolFor(
  { hostname, nextHopTls, nextHopCaPem, limits }: SmtpAgentStart,
  hop: Exclude<NextHop, { kind: "maildir" }>,
): RelayPool {
  return new RelayPool({
    hop,
    hostname,
    tls: hop.kind === "lmtp-unix" ? "none" : nextHopTls,
    ...(nextHopCaPem === undefined ? {} : { caPem: nextHopCaPem }),
    timeMs: parseTime(limits.nextHopTime) ?? 300_000,
  }, limits.nextHopConnections);
}

/** What the sessions of an agent share. */
function contextOf(config: SmtpAgentStart, ports: AgentPorts): SmtpContext {
  const hop = parseNextHop(config.nextHop);
  return {
    ports,
    hop,
    hopText: config.nextHop,
    ...(hop.kind === "maildir" ? {} : { pool: poolFor(config, hop) }),
    ...(config.tlsPem ? { identity: serverIdentity(config.tlsPem) } : {}),
    delivered: new DeliveredMemory(),
    settings: smtpSettings(config),
    messages: 0,
    draining: false,
  };
}

class SmtpAgent extends ListeningAgent<SmtpAgentStart, SmtpContext> {
  /** Contexts of redirected clients by destination; the one used last is the last. */
  readonly #towards = new Map<string, SmtpContext>();

  constructor(config: SmtpAgentStart, ports: AgentPorts) {
    super(config, contextOf(config, ports), CHANGEABLE);
  }

  protected get refusal(): string {
    return `421 4.7.0 ${this.context.settings.hostname} Too many sessions\r\n`;
  }

  protected async session(stream: ConnStream): Promise<SessionRunner | undefined> {
    const { transparent } = this.config;
    const context = transparent ? await this.#redirected(stream, transparent) : this.context;
    return context && new SessionRunner(context, stream);
  }

  /** The context of a client that goes on to where it was going; `undefined` where it is refused. */
  async #redirected(
    stream: ConnStream,
    rules: TransparentRules,
  ): Promise<SmtpContext | undefined> {
    const { ports, settings } = this.context;
    try {
      const { address, port, text } = await destinationOf(ports, stream, rules);
      let context = this.#towards.get(text);
      this.#towards.delete(text);
      if (!context) {
        const hop = { kind: "smtp", hostname: address, port } as const;
        const pool = poolFor(this.config, hop);
        // Who has a message at one server has it at no other.
        const delivered = new DeliveredMemory();
        context = sharing(this.context, { hop, hopText: `smtp://${text}`, pool, delivered });
      }
      this.#towards.set(text, context); // the last one used is the last one dropped
      const [oldest] = this.#towards;
      if (oldest && this.#towards.size > MAX_DESTINATIONS) {
        this.#towards.delete(oldest[0]);
        oldest[1].pool?.close();
      }
      return context;
    } catch (error) {
      ports.log("warning", "Refused a connection", {
        listener: settings.listener,
        error: describe(error),
      });
      await this.tell(stream, `554 5.7.1 ${settings.hostname} Only for redirected connections\r\n`);
      return undefined;
    }
  }

  protected adopt(next: SmtpAgentStart): boolean {
    const hop = ["nextHopTime", "nextHopConnections"] as const; // the pool was made with these
    if (hop.some((key) => next.limits[key] !== this.config.limits[key])) return false;
    if (!renewIdentity(this.context, this.config.tlsPem, next.tlsPem)) return false;
    this.context.settings = smtpSettings(next);
    return true;
  }

  override status(): Readonly<Record<string, number>> {
    const { messages, pool } = this.context;
    return { ...super.status(), messages, nextHopIdle: pool?.idle ?? 0 };
  }

  override async drain(): Promise<void> {
    await super.drain();
    this.#closePools();
  }

  override close(): void {
    super.close();
    this.#closePools();
  }

  #closePools(): void {
    this.context.pool?.close();
    for (const { pool } of this.#towards.values()) pool?.close();
    this.#towards.clear();
  }
}
