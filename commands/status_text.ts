/** The daemon's status as people read it. */
import type { AgentStatus } from "../daemon/agent_keeper.ts";
import type { DaemonStatus } from "../daemon/status.ts";
import { showSize, showSpan, showTime, table, visible } from "./output.ts";

/** Where agents listen, in the order of the configuration. */
export function agentAddresses(
  status: unknown,
): { agent: string; name: string; address: string }[] {
  return (status as DaemonStatus).agents.flatMap(({ agent, name, addresses }) =>
    addresses.map((address) => ({ agent, name, address }))
  );
}

/** `sessions 3, messages 120`. */
function counts(counters: Readonly<Record<string, number>>): string {
  return Object.entries(counters).map(([name, value]) => `${name} ${value}`).join(", ");
}

function agentsText(agents: readonly AgentStatus[]): string {
  if (agents.length === 0) return "No agent is configured.\n";
  return table(
    ["AGENT", "KIND", "STATE", "LISTENS", "NEXT HOP", ">RESTARTS", "COUNTS"],
    agents.map((agent) => [
      agent.name,
      agent.agent,
      agent.state,
      agent.addresses.join(" ") || "-",
      agent.nextHop || "-",
      agent.restarts,
      counts(agent.counters) || "-",
    ]),
  );
}

function scannersText(scanners: DaemonStatus["scanners"]): string {
  const head = table(
    ["SCANNER", "STATE", ">SCANS", ">MEMORY", "SINCE"],
    scanners.processes.map(({ pid, state, scans, memory, since }) => [
      pid,
      state,
      scans,
      memory === undefined ? "-" : showSize(memory),
      showTime(since),
    ]),
  );
  const notes = [`${scanners.waiting} scans wait`];
  if (scanners.poison > 0) {
    notes.push(`${scanners.poison} messages that killed scanners are remembered`);
  }
  if (Object.keys(scanners.counters).length > 0) notes.push(counts(scanners.counters));
  return `${head}${notes.join("; ")}\n`;
}

function enginesText(engines: DaemonStatus["engines"]): string {
  if (engines.length === 0) return "";
  const rows = table(
    ["ENGINE", "KIND", "STATE", "WHERE", "COUNTS", ">MEAN MS"],
    engines.map(({ name, engine, state, where, counters, totalMs }) => [
      name,
      engine,
      state,
      where,
      counts(counters) || "-",
      counters["asked"] ? Math.round(totalMs / counters["asked"]) : "-",
    ]),
  );
  const silent = engines.filter(({ detail }) => detail !== undefined)
    .map(({ name, detail }) => `${visible(`${name}: ${detail}`)}\n`);
  return rows + silent.join("");
}

/** Nothing where nobody greylists. */
function greylistText(store: DaemonStatus["store"]): string {
  const { greylistWaiting, greylistKnown, greylistClients } = store;
  if (greylistWaiting + greylistKnown + greylistClients === 0) return "";
  return `; greylist: ${greylistKnown} senders known, ${greylistWaiting} to come again, ${greylistClients} networks`;
}

/** What a status says in one word each: name and value, in two columns. */
function summary(status: DaemonStatus): string {
  const { policy, store, inFlight, reload } = status;
  const revision = policy.revision === undefined
    ? ""
    : `, revision ${policy.revision.slice(0, 12)}`;
  const rows: [string, string][] = [
    [
      "running",
      `${showSpan(status.uptimeMs)}, since ${
        showTime(status.started)
      }; process ${status.pid}, user ${status.user}, ` +
      showSize(status.memory),
    ],
    ["host", `${status.hostname}; Deno ${status.deno}`],
    ["configuration", status.config],
    [
      "policy",
      `${policy.path}, hash ${policy.hash.slice(0, 16)}${revision}${
        policy.watched ? ", watched" : ""
      }`,
    ],
    ["state", status.state],
    [
      "store",
      `${store.quarantined} in quarantine (${
        showSize(store.blobOctets)
      }), ${store.messages} in the message log` +
      greylistText(store) +
      (store.dropped > 0 ? `; ${store.dropped} log entries were given up` : ""),
    ],
    ["in flight", `${showSize(inFlight.octets)} of ${showSize(inFlight.limit)}`],
    ["since start", counts(status.counters) || "no message yet"],
  ];
  if (reload !== undefined) {
    const how = reload.error === undefined
      ? "done"
      : `FAILED, the old documents stay in force: ${reload.error}`;
    rows.push(["reload", `${showTime(reload.time)}, by ${reload.by}: ${how}`]);
  }
  const dropped = counts(
    Object.fromEntries(Object.entries(status.logDropped).filter(([, lines]) => lines > 0)),
  );
  if (dropped !== "") rows.push(["log", `lines given up: ${dropped}`]);
  return rows.map(([name, value]) => `${name.padEnd(14)} ${visible(value)}\n`).join("");
}

/**
 * The whole page.
 *
 * @param result Answer of the daemon's operation `status`.
 * @returns the text; `well` is false when an agent or all scanners do not run (one that is replaced and drains is well), or the last reload failed.
 */
export function describeStatus(result: unknown): { text: string; well: boolean } {
  const status = result as DaemonStatus;
  const permissions = table(
    ["PROCESS", "RUNS AS", "MAY"],
    status.processes.map(({ what, runsAs, may }) => [what, runsAs, may]),
  );
  const text = [
    summary(status),
    agentsText(status.agents),
    scannersText(status.scanners),
    enginesText(status.engines),
    permissions,
  ].filter((part) => part !== "").join("\n");
  const well = status.agents.every(({ state }) => state === "running" || state === "draining") &&
    status.scanners.processes.length > 0 && status.reload?.error === undefined;
  return { text, well };
}
