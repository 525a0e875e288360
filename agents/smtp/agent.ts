import { differsOnlyIn } from "../reconfigure.ts";
import type { SmtpAgentConfig } from "../../policy/config.ts";
import { parseTime } from "../../policy/units.ts";
import { Listener } from "../listener.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import { SessionBook } from "../session_books.ts";
import { serverIdentity } from "../tls.ts";
import { type SmtpAgentStart, type SmtpContext, smtpSettings } from "./context.ts";
import { DeliveredMemory } from "./delivered_memory.ts";
import { describe } from "../describe.ts";
import { parseNextHop } from "./next_hop.ts";
import { RelayPool } from "./relay_client.ts";
import { SessionRunner } from "./session_runner.ts";

/** How long a client that is one too many may take to read its 421, ms. */
const REFUSAL_MS = 5000;
/** What a reload may change without a new worker: what neither sockets nor permissions depend on. */
const CHANGEABLE: ReadonlySet<string> = new Set([
  "mode",
  "direction",
  "hostname",
  "requireTls",
  "xforward",
  "xclient",
  "limits",
  "shareAddress", // how it began
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

  constructor(config: SmtpAgentStart, ports: AgentPorts) {
    this.#config = config;
    const hop = parseNextHop(config.nextHop);
    const pool = hop.kind === "maildir" ? undefined : new RelayPool({
      hop,
      hostname: config.hostname,
      tls: hop.kind === "lmtp-unix" ? "none" : config.nextHopTls,
      ...(config.nextHopCaPem === undefined ? {} : { caPem: config.nextHopCaPem }),
      timeMs: parseTime(config.limits.nextHopTime) ?? 300_000,
    }, config.limits.nextHopConnections);
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
      serve: (stream) => this.#sessions.run(new SessionRunner(this.#context, stream)),
      refuse: async (stream) => {
        stream.deadline(REFUSAL_MS);
        const { hostname } = this.#context.settings;
        await stream.write(new TextEncoder().encode(`421 4.7.0 ${hostname} Too many sessions\r\n`));
      },
      failed: (error) =>
        ports.log("warning", "Cannot accept a session", { error: describe(error) }),
    });
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
    this.#context.pool?.close();
  }

  close(): void {
    this.#context.draining = true;
    this.#listener.stop();
    this.#listener.closeAll();
    this.#context.pool?.close();
  }
}
