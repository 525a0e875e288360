/** What the daemon does for an agent: scanners, quarantine, Maildir, the account of octets, records. */
import { PosternError } from "../errors.ts";
import { deliverMaildir } from "../agents/maildir.ts";
import type {
  AgentPorts,
  GatewayOperation,
  MessageRecord,
  QuarantineRequest,
} from "../agents/ports.ts";
import type { HostPorts } from "../agents/worker_host.ts";
import type { ScanSettings, Verdict } from "../engine/types.ts";
import type { ArchivePasswords } from "./archive_passwords.ts";
import type { Sealer } from "./arc/sealer.ts";
import type { Engines } from "./engines/engines.ts";
import { joinVerdict } from "./engines/join.ts";
import type { Store } from "../store/types.ts";
import { askGreylist } from "./greylist.ts";
import type { InFlight } from "./in_flight.ts";
import type { Log } from "./log/log.ts";
import { originalDestination } from "./original_destination.ts";
import type { ScannerPool } from "./pool.ts";

/** What the ports are made of; read at each use, since a reload may change them. */
export interface Backstage {
  readonly pool: ScannerPool;
  readonly engines: Engines;
  /** Absent where no ARC seals are made. */
  readonly sealer?: Sealer;
  /** Tried on archives in every scan. */
  readonly passwords: ArchivePasswords;
  readonly store: Store;
  readonly log: Log;
  readonly inFlight: InFlight;
  /** How long quarantined messages are kept, ms. */
  readonly quarantineKeepMs: number;
  /** What an agent's client asked of the whole gateway. */
  operate(operation: GatewayOperation): void;
  /** Counts for the status, by name. */
  count(counters: Readonly<Record<string, number>>): void;
}

/**
 * Ports of one agent.
 *
 * @param backstage The daemon's rooms as they are at each call.
 * @param nextHop The agent's own: a Maildir that it may have written. An agent cannot have another one written.
 * @param operations What its clients may ask of the whole gateway.
 */
export function hostPorts(
  backstage: () => Backstage,
  nextHop: string,
  operations: readonly GatewayOperation[] = [],
): HostPorts {
  const maildir = /^maildir:(.+)$/.exec(nextHop)?.[1];
  return {
    scan: (message, settings, signal) => {
      const { pool, engines, passwords } = backstage();
      return engines.none || !settings.antivirus
        ? pool.scanText(message, passwords.in(settings), signal)
        : scanWith(backstage(), message, settings, signal);
    },
    rewrite: (message, request, signal) => backstage().pool.rewrite(message, request, signal),
    seal: async (original, message) => await backstage().sealer?.seal(original, message) ?? null,
    greylist: (request) => askGreylist(backstage(), request),
    quarantine: (request) => quarantine(backstage(), request),
    async deliverMaildir(path, envelope, message) {
      if (path !== maildir) {
        throw new PosternError(
          "daemon/worker",
          `The agent delivers to ${path}, which is not its next hop`,
        );
      }
      await deliverMaildir(path, envelope, [message]);
    },
    originalDestination: (local, remote) => Promise.resolve(originalDestination(local, remote)),
    reserve: (octets) => Promise.resolve(backstage().inFlight.reserve(octets)),
    release: (octets) => backstage().inFlight.release(octets),
    record: (records) => keepRecords(backstage(), records),
    log: (level, message, fields) => backstage().log.log(level, message, fields),
    operate(operation) {
      if (operations.includes(operation)) return backstage().operate(operation);
      const fields = { operation };
      backstage().log.log("warning", "An agent asked for what its clients may not", fields);
    },
  };
}

/** The same ports for what runs in the daemon itself. */
export function ownPorts(backstage: () => Backstage, policy: AgentPorts["policy"]): AgentPorts {
  return {
    policy,
    ...hostPorts(backstage, ""),
    scan: (message, settings, signal) => scanWith(backstage(), message, settings, signal),
    record: (record) => keepRecords(backstage(), [record]),
  };
}

/** Scans, and asks the external engines at the same time: each has a time limit of its own, and none can hold up more than that. */
async function scanWith(
  { pool, engines, passwords }: Backstage,
  message: Uint8Array,
  settings: ScanSettings,
  signal?: AbortSignal,
): Promise<Verdict> {
  const own = pool.scan(message, passwords.in(settings), signal);
  if (engines.none || !settings.antivirus) return await own;
  const [verdict, results] = await Promise.all([
    own,
    engines.ask(message, signal),
  ]);
  return joinVerdict(verdict, results);
}

function quarantine(
  { store, quarantineKeepMs }: Backstage,
  request: QuarantineRequest,
): Promise<string> {
  const { envelope, verdict } = request;
  const time = Date.now();
  return store.putQuarantine({
    queueId: request.queueId,
    time,
    expires: time + quarantineKeepMs,
    agent: request.agent,
    listener: request.listener,
    sender: envelope.sender,
    recipients: request.recipients,
    ...(envelope.client === undefined ? {} : { client: envelope.client }),
    ...(envelope.helo === undefined ? {} : { helo: envelope.helo }),
    ...(verdict.subject === undefined ? {} : { subject: verdict.subject }),
    ...(verdict.messageId === undefined ? {} : { messageId: verdict.messageId }),
    status: request.status,
    findings: verdict.findings.map(({ name, part, engine }) => ({ name, part, engine })),
    notScanned: verdict.notScanned,
    by: request.by,
    nextHop: request.nextHop,
  }, request.message);
}

/** Log lines, message log, statistics. */
function keepRecords({ log, store, count }: Backstage, records: readonly MessageRecord[]): void {
  const minutes = new Map<number, Record<string, number>>();
  const sums: Record<string, number> = {};
  for (const record of records) {
    log.message(record);
    store.appendMessage({
      queueId: record.queueId,
      time: record.time,
      status: record.status,
      record: { ...record },
    });
    const minute = Math.floor(record.time / 60_000) * 60_000; // the finest span that is counted
    let counters = minutes.get(minute);
    if (!counters) minutes.set(minute, counters = {});
    for (const [name, value] of counted(record)) {
      counters[name] = (counters[name] ?? 0) + value;
      sums[name] = (sums[name] ?? 0) + value;
    }
  }
  for (const [minute, counters] of minutes) store.count(minute, counters);
  count(sums);
}

function counted(record: MessageRecord): [name: string, value: number][] {
  const { size, status, agent, outcomes } = record;
  return [
    ["messages", 1],
    ["octets", size],
    [`status.${status}`, 1],
    [`agent.${agent}`, 1],
    ...outcomes.map(({ action, recipients }): [string, number] => [
      `action.${action}`,
      recipients.length,
    ]),
  ];
}
