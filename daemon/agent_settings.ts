/** From an agent's part of the configuration to what its worker is started with. */
import { PosternError } from "../errors.ts";
import { type AgentConfig, agentNextHop, type Config } from "../policy/config.ts";
import { type AgentPermissions, agentPermissions } from "../agents/permissions.ts";
import type { SelfMade } from "./self_made_certificate.ts";
import type { Report } from "./status.ts";

/** One agent, ready to be started. */
export interface AgentSettings {
  readonly agent: AgentConfig["agent"];
  /** Name of the listener; unique in the configuration. */
  readonly name: string;
  readonly listen: string;
  /** `""` where it has none: what it keeps is released as `quarantine.release` says. */
  readonly nextHop: string;
  /** Where its clients are led to, for people, where that is not the next hop: mailbox servers. */
  readonly servers?: string;
  readonly permissions: AgentPermissions;
  /** Where its certificate is one that the daemon made for itself. */
  readonly selfMade?: { readonly path: string; readonly fingerprint: string };
  /** What goes to the worker: its own part, with the text of files that it cannot read itself. */
  readonly config: AgentConfig & {
    readonly hostname: string;
    readonly tlsPem?: { readonly certificate: string; readonly key: string };
    readonly nextHopCaPem?: string;
    readonly serverCaPem?: string;
  };
}

/** Paths of the PEM files that an agent's configuration names. */
export function pemFiles(agent: AgentConfig): readonly string[] {
  const { tls, nextHopCa, serverCa } = fileFields(agent);
  return [tls?.certificate, tls?.key, nextHopCa, serverCa].filter((path) => path !== undefined);
}

/** The fields that name files of an agent's own. */
function fileFields(agent: AgentConfig) {
  return {
    tls: "tls" in agent && agent.tls !== "self-made" ? agent.tls : undefined,
    nextHopCa: "nextHopCa" in agent ? agent.nextHopCa : undefined,
    serverCa: "serverCa" in agent ? agent.serverCa : undefined,
  };
}

/**
 * Settings of every agent.
 *
 * @param handed Texts of files that only root could read, by path: taken where a file cannot be read any more.
 * @throws {PosternError} `"document/invalid"` where two have one name, `"document/unreadable"` where a file cannot be read,
 * `"store/failed"` where a certificate is to be made and cannot be kept.
 */
export async function agentSettings(
  config: Config,
  handed: Readonly<Record<string, string>> = {},
): Promise<AgentSettings[]> {
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
  const makeOnce = await certificateMaker(config);
  return await Promise.all(
    config.agents.map(async (agent) =>
      await settingsOf(await withRealDirectories(agent), config, handed, makeOnce)
    ),
  );
}

/** A directory that is named by a link is served by both names: the worker may read nothing but what is named. */
async function withRealDirectories(agent: AgentConfig): Promise<AgentConfig> {
  if (agent.agent !== "clamd" || agent.directories.length === 0) return agent;
  const real = await Promise.all(
    agent.directories.map((path) => Deno.realPath(path).catch(() => path)),
  );
  return { ...agent, directories: [...new Set([...agent.directories, ...real])] };
}

async function settingsOf(
  agent: AgentConfig,
  config: Config,
  handed: Readonly<Record<string, string>>,
  makeOnce: (hostname: string) => Promise<SelfMade>,
): Promise<AgentSettings> {
  const own = "hostname" in agent ? agent.hostname : undefined;
  const hostname = own ?? config.hostname ?? Deno.hostname();
  const { tls, nextHopCa, serverCa } = fileFields(agent);
  const read = (what: string, path: string) => readPem(agent.name, what, path, handed[path]);
  const selfMade = "tls" in agent && agent.tls === "self-made"
    ? await makeOnce(hostname)
    : undefined;
  const tlsPem = tls
    ? {
      certificate: await read("tls.certificate", tls.certificate),
      key: await read("tls.key", tls.key),
    }
    : selfMade && { certificate: selfMade.certificate, key: selfMade.key };
  const nextHopCaPem = nextHopCa && await read("nextHopCa", nextHopCa);
  const serverCaPem = serverCa && await read("serverCa", serverCa);
  const servers = "servers" in agent ? [agent.server ?? "", ...agent.servers].join(" ").trim() : "";
  return {
    agent: agent.agent,
    name: agent.name,
    listen: agent.listen,
    nextHop: agentNextHop(agent) ?? "",
    ...(servers === "" ? {} : { servers }),
    permissions: agentPermissions(agent),
    ...(selfMade ? { selfMade: { path: selfMade.path, fingerprint: selfMade.fingerprint } } : {}),
    config: {
      ...agent,
      hostname,
      ...(tlsPem ? { tlsPem } : {}),
      ...(nextHopCaPem ? { nextHopCaPem } : {}),
      ...(serverCaPem ? { serverCaPem } : {}),
    },
  };
}

/** Makes certificates, one for each name however many listeners bear it. */
async function certificateMaker(
  { agents, state }: Config,
): Promise<(hostname: string) => Promise<SelfMade>> {
  if (!agents.some((agent) => "tls" in agent && agent.tls === "self-made")) {
    return () => Promise.reject(new Error("No agent has a self-made certificate"));
  }
  // Loaded where it is needed: ASN.1 takes a tenth of a second.
  const { certificateName, selfMadeCertificate } = await import("./self_made_certificate.ts");
  const begun = new Map<string, Promise<SelfMade>>();
  return (hostname) => {
    const name = certificateName(hostname);
    const made = begun.get(name) ?? selfMadeCertificate(state, name);
    begun.set(name, made);
    return made;
  };
}

async function readPem(
  agent: string,
  what: string,
  path: string,
  handed: string | undefined,
): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    // 2.4 says NotCapable or PermissionDenied, by what it meets first; a file that is gone is refused.
    if (handed !== undefined && !(cause instanceof Deno.errors.NotFound)) return handed;
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : String(cause);
    throw new PosternError(
      "document/unreadable",
      `Cannot read ${path}, which ${what} of agent ${JSON.stringify(agent)} names: ${why}`,
      { cause },
    );
  }
}

/** Says which listeners show a certificate that nobody vouches for, and what to do about it. */
export function warnOfSelfMade(
  agents: readonly Pick<AgentSettings, "name" | "selfMade">[],
  report: Report,
): void {
  for (const { name, selfMade } of agents) {
    if (!selfMade) continue;
    report("warning", "A self-made certificate is shown to clients, who cannot check it", {
      listener: name,
      sha256: selfMade.fingerprint,
      file: selfMade.path,
      instead: "name files of a certificate that clients trust: tls: { certificate, key }",
    });
  }
}
