import { Buffer } from "node:buffer";
import { startAdviceAgent } from "../advice_agent.ts";
import { HttpRunner, type HttpService } from "../http/session_runner.ts";
import type { AgentPorts, RunningAgent } from "../ports.ts";
import { rspamdApp, type RspamdBindings } from "./app.ts";
import { type RspamdAgentStart, type RspamdContext, rspamdSettings } from "./context.ts";

/**
 * Starts the rspamd agent: listens for programs that ask Rspamd's worker over HTTP, and answers as the policy has it.
 *
 * @param config The checked configuration.
 * @throws {PosternError} `wire/closed` when the address cannot be listened on.
 */
export function startRspamdAgent(
  config: RspamdAgentStart,
  ports: AgentPorts,
): Promise<RunningAgent> {
  return startAdviceAgent(
    {
      settings: rspamdSettings,
      changeable: ["direction", "points", "password", "nextHop", "limits"],
      runner: (context, stream) => new HttpRunner(service(context), stream),
    },
    config,
    ports,
  );
}

/** Paths of requests that have none: what they ask stands in their first word. */
const LEGACY_PATHS: Readonly<Record<string, string>> = {
  PING: "/ping",
  CHECK: "/check",
  SYMBOLS: "/symbols",
  PROCESS: "/check",
};

function service(context: RspamdContext): HttpService {
  const { settings, ports } = context;
  const app = rspamdApp(context);
  return {
    ports,
    listener: settings.listener,
    bodyOctets: settings.messageSize,
    commandMs: settings.commandMs,
    dataMs: settings.dataMs,
    draining: () => context.draining,
    async respond({ head, body, signal }) {
      const legacy = head.protocol === "RSPAMC";
      const path = legacy ? LEGACY_PATHS[head.method] ?? "/unknown" : head.target;
      const method = !legacy ? head.method : path === "/ping" ? "GET" : "POST";
      const bindings: RspamdBindings = { settings, fields: head.fields, body, signal, legacy };
      return await app.fetch(
        new Request(new URL(`http://rspamd.invalid${path}`), { method }),
        bindings,
      );
    },
    async legacy(_head, response) {
      const octets = Buffer.from(await response.arrayBuffer());
      if (response.ok) return octets;
      return Buffer.from(
        `RSPAMD/1.3 ${response.status} ${octets.toString("latin1")}\r\n\r\n`,
        "latin1",
      );
    },
  };
}
