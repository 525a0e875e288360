import { differsOnlyIn } from "../reconfigure.ts";
import type { SmtpAgentConfig } from "../../policy/config.ts";
import { parseTime } from "../../policy/units.ts";
import { Listener } from "../listener.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import { SessionBook } from "../session_books.ts";
import type { ConnStream } from "../stream.ts";
import { renewIdentity, serverIdentity } from "../tls.ts";
import { destinationOf, sharing, type TransparentRules } from "../transparent.ts";
import { type SmtpAgentStart, type SmtpContext, smtpSettings } from "./context.ts";
import { DeliveredMemory } from "./delivered_memory.ts";
import { describe } from "../describe.ts";
import { type NextHop, parseNextHop } from "./next_hop.ts";
import { RelayPool } from "./relay_client.ts";
import { SessionRunner } from "./session_runner.ts";

/** How long a client that is one too many may take to read its 421, ms. */
const REFUSAL_MS = 5000;
/** Servers that redirected clients go on to and whose connections are kept; the one used longest ago is let go of. */
const MAX_DESTINATIONS = 200;
/** What a reload may change without a new worker: what neither sockets nor permissions depend on. */
const CHANGEABLE: ReadonlySet<string> = new Set([
  "mode",
  "direction",
  "hostname",
  "requireTls",
  "auth",
  "xforward",
  "xclient",
  "limits",
  "shareAddress", // how it began
  "tls", // another certificate; see renewIdentity
  "tlsPem",
]);

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

class SmtpAgent implements RunningAgent {
  #config: SmtpAgentStart;
  readonly #context: SmtpContext;
  readonly #listener: Listener;
  readonly #sessions = new SessionBook();
  /** Contexts of redirected clients by destination; the one used last is the last. */
  readonly #towards = new Map<string, SmtpContext>();

  constructor(config: SmtpAgentStart, ports: AgentPorts) {
    this.#config = config;
    const hop = parseNextHop(config.nextHop);
    const pool = hop.kind === "maildir" ? undefined : this.#poolFor(hop);
    this.#context = {
      ports,
      hop,
      hopText: config.nextHop,
      ...(pool ? { pool } : {}),
      ...(config.tlsPem ? { identity: serverIdentity(config.tlsPem) } : {}),
      delivered: new DeliveredMemory(),
      settings: smtpSettings(config),
      messages: 0,
      draining: false,
    };
    this.#listener = new Listener({
      listen: config.listen,
      shareAddress: config.shareAddress ?? false,
      proxies: config.proxies,
      limits: this.#context.settings,
      serve: (stream) => this.#serve(stream),
      refuse: async (stream) => {
        stream.deadline(REFUSAL_MS);
        const { hostname } = this.#context.settings;
        await stream.write(new TextEncoder().encode(`421 4.7.0 ${hostname} Too many sessions\r\n`));
      },
      failed: (error) =>
        ports.log("warning", "Cannot accept a session", { error: describe(error) }),
    });
  }

  #poolFor(hop: Exclude<NextHop, { kind: "maildir" }>): RelayPool {
    const { hostname, nextHopTls, nextHopCaPem, limits } = this.#config;
    return new RelayPool({
      hop,
      hostname,
      tls: hop.kind === "lmtp-unix" ? "none" : nextHopTls,
      ...(nextHopCaPem === undefined ? {} : { caPem: nextHopCaPem }),
      timeMs: parseTime(limits.nextHopTime) ?? 300_000,
    }, limits.nextHopConnections);
  }

  async #serve(stream: ConnStream): Promise<void> {
    const { transparent } = this.#config;
    const context = transparent ? await this.#redirected(stream, transparent) : this.#context;
    if (context) await this.#sessions.run(new SessionRunner(context, stream));
  }

  /** The context of a client that goes on to where it was going; `undefined` where it is refused. */
  async #redirected(
    stream: ConnStream,
    rules: TransparentRules,
  ): Promise<SmtpContext | undefined> {
    const { ports, settings } = this.#context;
    try {
      const { address, port, text } = await destinationOf(ports, stream, rules);
      let context = this.#towards.get(text);
      this.#towards.delete(text);
      if (!context) {
        const hop = { kind: "smtp", hostname: address, port } as const;
        const pool = this.#poolFor(hop);
        // Who has a message at one server has it at no other.
        const delivered = new DeliveredMemory();
        context = sharing(this.#context, { hop, hopText: `smtp://${text}`, pool, delivered });
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
      stream.deadline(REFUSAL_MS);
      const reply = `554 5.7.1 ${settings.hostname} Only for redirected connections\r\n`;
      await stream.write(new TextEncoder().encode(reply));
      return undefined;
    }
  }

  #closePools(): void {
    this.#context.pool?.close();
    for (const { pool } of this.#towards.values()) pool?.close();
    this.#towards.clear();
  }

  get addresses(): readonly string[] {
    return [this.#listener.address];
  }

  status(): Readonly<Record<string, number>> {
    return {
      sessions: this.#listener.count,
      sessionsTotal: this.#sessions.total,
      messages: this.#context.messages,
      nextHopIdle: this.#context.pool?.idle ?? 0,
    };
  }

  reconfigure(config: unknown): boolean {
    const next = config as SmtpAgentStart; // from the daemon, which has checked it
    if (!differsOnlyIn(CHANGEABLE, this.#config, next)) return false;
    const hop = ["nextHopTime", "nextHopConnections"] as const; // the pool was made with these
    if (hop.some((key) => next.limits[key] !== this.#config.limits[key])) return false;
    if (!renewIdentity(this.#context, this.#config.tlsPem, next.tlsPem)) return false;
    this.#config = next;
    this.#context.settings = smtpSettings(next);
    this.#listener.limits = this.#context.settings;
    return true;
  }

  stopListening(): void {
    this.#listener.stop();
  }

  async drain(): Promise<void> {
    this.#context.draining = true;
    this.#listener.stop();
    await this.#sessions.drain();
    this.#closePools();
  }

  close(): void {
    this.#context.draining = true;
    this.#listener.stop();
    this.#listener.closeAll();
    this.#closePools();
  }
}
