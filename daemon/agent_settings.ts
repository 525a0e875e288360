/** From an agent's part of the configuration to what its worker is started with. */
import { PosternError } from "../errors.ts";
import type { AgentConfig, Config } from "../policy/config.ts";
import { type AgentPermissions, agentPermissions } from "../agents/permissions.ts";

/** One agent, ready to be started. */
export interface AgentSettings {
  readonly agent: AgentConfig["agent"];
  /** Name of the listener; unique in the configuration. */
  readonly name: string;
  readonly listen: string;
  readonly nextHop: string;
  readonly permissions: AgentPermissions;
  /** What goes to the worker: its own part, with the text of files that it cannot read itself. */
  readonly config: AgentConfig & {
    readonly hostname: string;
    readonly tlsPem?: { readonly certificate: string; readonly key: string };
    readonly nextHopCaPem?: string;
  };
}

/**
 * Settings of every agent.
 *
 * @throws {PosternError} `"document/invalid"` where two have one name, `"document/unreadable"` where a file cannot be read.
 */
export async function agentSettings(config: Config): Promise<AgentSettings[]> {
  const names = new Set<string>();
  for (const { name } of config.agents) {
    if (names.has(name)) {
      throw new PosternError(
        "document/invalid",
        `Two agents have the name ${JSON.stringify(name)}`,
      );
    }
    names.add(name);
  }
  return await Promise.all(config.agents.map((agent) => settingsOf(agent, config)));
}

async function settingsOf(agent: AgentConfig, config: Config): Promise<AgentSettings> {
  const hostname = agent.hostname ?? config.hostname ?? Deno.hostname();
  const { tls, nextHopCa } = agent;
  const tlsPem = tls && {
    certificate: await readPem(agent.name, "tls.certificate", tls.certificate),
    key: await readPem(agent.name, "tls.key", tls.key),
  };
  const nextHopCaPem = nextHopCa && await readPem(agent.name, "nextHopCa", nextHopCa);
  return {
    agent: agent.agent,
    name: agent.name,
    listen: agent.listen,
    nextHop: agent.nextHop,
    permissions: agentPermissions(agent),
    config: {
      ...agent,
      hostname,
      ...(tlsPem ? { tlsPem } : {}),
      ...(nextHopCaPem ? { nextHopCaPem } : {}),
    },
  };
}

async function readPem(agent: string, what: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : String(cause);
    throw new PosternError(
      "document/unreadable",
      `Cannot read ${path}, which ${what} of agent ${JSON.stringify(agent)} names: ${why}`,
      { cause },
    );
  }
}
