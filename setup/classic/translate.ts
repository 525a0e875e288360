/**
 * Translates a classic configuration into the two documents. What has no place is a {@link Leftover} with its reason; nothing is
 * dropped in silence.
 */
import type { CfgFile, CfgParameter, CfgSection } from "./cfg.ts";
import { CLASSIC_AGENTS, placementOf, type SettingsPatch } from "./parameters.ts";

/** Something of the classic configuration that has no place in the documents. */
export interface Leftover {
  readonly file: string;
  readonly line: number;
  readonly section: string;
  /** As it stood; passwords are left out. */
  readonly text: string;
  readonly reason: string;
}

/** A rule of the draft, as the policy document writes it. */
export interface DraftRule {
  readonly name: string;
  readonly when: Readonly<Record<string, unknown>>;
  readonly then: SettingsPatch;
}

/** What goes into the two documents. */
export interface Translation {
  readonly policy: {
    readonly lists: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
    readonly settings: SettingsPatch;
    readonly rules: readonly DraftRule[];
  };
  readonly config: {
    readonly scanners?: { readonly processes: number };
    readonly log?: { readonly to: readonly string[]; readonly facility: string };
    readonly agents: readonly Readonly<Record<string, unknown>>[];
  };
  readonly leftovers: readonly Leftover[];
}

/** A file that was read, with the name it is called by in leftovers. */
export interface NamedCfg {
  readonly file: string;
  readonly cfg: CfgFile;
}

/** How many groups may stand above one another; a ring is cut here, too. */
const MAX_PARENTS = 32;
const SECRET = /password|username/;
/** Agents in front of mailbox servers, and these servers' ports. */
const MAILBOX_PORTS: Readonly<Record<string, string>> = { pop3: "110", imap: "143" };
/** Where the classic milter listens when it is not told. */
const MILTER_SOCKET = "/var/run/esets_smfi.sock";

const FACILITIES = new Set(["mail", "daemon", ...Array.from({ length: 8 }, (_, i) => `local${i}`)]);

function merge(into: SettingsPatch, patch: SettingsPatch): SettingsPatch {
  const merged: Record<string, Record<string, unknown>> = {};
  for (const part of [into, patch]) {
    for (const [area, settings] of Object.entries(part)) {
      merged[area] = { ...merged[area], ...settings };
    }
  }
  return merged;
}

/** What `patch` says otherwise than `base`. */
function beyond(base: SettingsPatch, patch: SettingsPatch): SettingsPatch {
  const rest: Record<string, Record<string, unknown>> = {};
  for (const [area, settings] of Object.entries(patch)) {
    for (const [name, value] of Object.entries(settings)) {
      if (JSON.stringify(base[area]?.[name]) !== JSON.stringify(value)) {
        (rest[area] ??= {})[name] = value;
      }
    }
  }
  return rest;
}

const isEmpty = (patch: SettingsPatch) => Object.keys(patch).length === 0;
const unbracket = (address: string) => address.replace(/^\[(.*)\]$/, "$1");

/** A section's name in a special file: who it is about. */
function identity(name: string): { recipient?: string; sender?: string } | undefined {
  const parts = name.split("|");
  if (parts.length > 2) return undefined;
  const [recipient, sender] = parts.map((text) => text.trim().toLowerCase());
  const valid = (text: string | undefined) => !text || /^[^\s@*?"<>]*@[^\s@*?<>]+$/.test(text);
  if ((!recipient && !sender) || !valid(recipient) || !valid(sender)) return undefined;
  return { ...(recipient ? { recipient } : {}), ...(sender ? { sender } : {}) };
}

class Translator {
  readonly #main: NamedCfg;
  readonly #special: ReadonlyMap<string, NamedCfg | string>;
  readonly #leftovers: Leftover[] = [];
  readonly #rules: DraftRule[] = [];
  readonly #lists: Record<string, Record<string, string[]>> = {};
  readonly #agents: Record<string, unknown>[] = [];
  readonly #values = new Map<string, CfgParameter>();

  constructor(main: NamedCfg, special: ReadonlyMap<string, NamedCfg | string>) {
    this.#main = main;
    this.#special = special;
  }

  run(): Translation {
    this.#problems(this.#main);
    const sections = this.#merged(this.#main);
    const global = sections.find((s) => s.name === "global");
    const settings = global ? this.#settings(this.#main.file, global, "global") : {};
    const agentRules: DraftRule[] = [];
    const users = new Map<string, string[]>();
    for (const section of sections) {
      if (section === global) continue;
      const agent = Object.hasOwn(CLASSIC_AGENTS, section.name)
        ? CLASSIC_AGENTS[section.name]
        : undefined;
      const own = this.#settings(this.#main.file, section, section.name);
      if (agent === undefined) {
        this.#sectionWithoutPlace(section);
        continue;
      }
      const then = beyond(settings, own);
      if (!isEmpty(then)) agentRules.push({ name: `agent ${agent}`, when: { agent }, then });
      const user = this.#values.get(`${section.name} user_config`);
      if (user?.value) users.set(user.value, [...users.get(user.value) ?? [], agent]);
      this.#agent(section, agent);
    }
    for (const [name, agents] of users) this.#userConfig(name, agents);
    this.#rules.push(...agentRules);
    return {
      policy: { lists: this.#lists, settings, rules: this.#rules },
      config: { ...this.#node(), agents: this.#agents },
      leftovers: this.#leftovers,
    };
  }

  #left(file: string, section: string, parameter: CfgParameter, reason: string): void {
    const value = SECRET.test(parameter.name) ? "(left out)" : JSON.stringify(parameter.value);
    const text = `${parameter.name} = ${value}`;
    this.#leftovers.push({ file, line: parameter.line, section, text, reason });
  }

  #problems({ file, cfg }: NamedCfg): void {
    for (const { line, text, reason } of cfg.problems) {
      const shown = SECRET.test(text) ? "(left out)" : text;
      this.#leftovers.push({ file, line, section: "", text: shown, reason });
    }
  }

  /** Sections of one name are one; of parameters of one name the last holds, the others are left over. */
  #merged({ file, cfg }: NamedCfg): CfgSection[] {
    const byName = new Map<string, CfgSection & { parameters: CfgParameter[] }>();
    for (const section of cfg.sections) {
      const known = byName.get(section.name);
      if (known) known.parameters.push(...section.parameters);
      else byName.set(section.name, { ...section, parameters: [...section.parameters] });
    }
    for (const section of byName.values()) {
      const last = new Map(section.parameters.map((p) => [p.name, p]));
      for (const parameter of section.parameters) {
        const winner = last.get(parameter.name)!;
        if (winner !== parameter) {
          this.#left(file, section.name, parameter, `set again in line ${winner.line}`);
        }
      }
      section.parameters = [...last.values()];
    }
    return [...byName.values()];
  }

  /** The policy settings of a section; other parameters are kept by name for those who ask, or left over. */
  #settings(file: string, section: CfgSection, kind: string): SettingsPatch {
    let settings: SettingsPatch = {};
    for (const parameter of section.parameters) {
      const placement = placementOf(kind, parameter.name);
      if (!placement) {
        this.#left(file, section.name, parameter, "no such parameter is known");
      } else if (placement.to === "none") {
        this.#left(file, section.name, parameter, placement.reason);
      } else if (placement.to === "policy") {
        const patch = placement.read(parameter.value);
        if (patch) settings = merge(settings, patch);
        else this.#left(file, section.name, parameter, `its values are: ${placement.values}`);
      } else {
        this.#values.set(`${section.name} ${parameter.name}`, parameter);
      }
    }
    return settings;
  }

  /** Nothing of such a section has a place; what the table refuses by name was left over with its own reason. */
  #sectionWithoutPlace(section: CfgSection): void {
    const reason = `[${section.name}] is no gate of mail here`;
    for (const parameter of section.parameters) {
      const placement = placementOf(section.name, parameter.name);
      if (placement && placement.to !== "none") {
        this.#left(this.#main.file, section.name, parameter, reason);
      }
    }
  }

  #take(section: string, name: string): string | undefined {
    return this.#values.get(`${section} ${name}`)?.value;
  }

  #agent(section: CfgSection, agent: string): void {
    const enabled = this.#take(section.name, "agent_enabled");
    const places = ["listen_addr", "listen_port", "server_addr", "server_port", "smfi_sock_path"];
    const leave = (reason: string) => {
      for (const name of ["agent_enabled", ...places]) {
        const parameter = this.#values.get(`${section.name} ${name}`);
        if (parameter) this.#left(this.#main.file, section.name, parameter, reason);
      }
    };
    if (enabled === undefined && places.every((p) => this.#take(section.name, p) === undefined)) {
      return;
    }
    if (enabled !== "yes") return leave("the agent was not enabled");
    if (agent === "milter") {
      const path = this.#take(section.name, "smfi_sock_path") ?? MILTER_SOCKET;
      this.#agents.push({ agent, name: "milter", listen: `unix:${path}` });
      return;
    }
    const mailbox = MAILBOX_PORTS[agent];
    if (agent !== "smtp" && mailbox === undefined) {
      return leave(`postern ${agent} needs no entry: it is a command`);
    }
    const [listenAddr, listenPort, serverAddr, serverPort] = places.map((p) =>
      this.#take(section.name, p)
    );
    if (!listenPort || (!serverAddr && mailbox === undefined)) {
      return leave(
        mailbox === undefined
          ? "listen_port and server_addr are both needed: a next hop is not guessed"
          : "listen_port is needed: where it listens is not guessed",
      );
    }
    const host = (text: string) => {
      const plain = unbracket(text === "localhost" ? "127.0.0.1" : text);
      return plain.includes(":") ? `[${plain}]` : plain;
    };
    // Without a server, clients are redirected, to the address that they came in at, and go on to where they were going.
    const listen = `${host(listenAddr || (serverAddr ? "127.0.0.1" : "*"))}:${listenPort}`;
    if (mailbox !== undefined) {
      const port = Number(serverPort || mailbox);
      const to = serverAddr
        ? { server: `${agent}://${host(serverAddr)}:${port}` }
        : { transparent: { port } };
      this.#agents.push({ agent, name: agent, listen, ...to });
      return;
    }
    this.#agents.push({
      agent: "smtp",
      name: "smtp",
      listen,
      nextHop: `smtp://${host(serverAddr!)}:${serverPort || "25"}`,
    });
  }

  #node(): Omit<Translation["config"], "agents"> {
    const processes = this.#take("global", "num_proc");
    const facility = this.#values.get("global syslog_facility");
    const known = facility && FACILITIES.has(facility.value);
    if (facility && !known) {
      this.#left(
        this.#main.file,
        "global",
        facility,
        `its values are: ${[...FACILITIES].join(", ")}`,
      );
    }
    const count = processes && /^[1-9]\d{0,2}$/.test(processes) ? Number(processes) : undefined;
    return {
      ...(count ? { scanners: { processes: count } } : {}),
      ...(known ? { log: { to: ["syslog"], facility: facility.value } } : {}),
    };
  }

  /** Special sections: identities first, then the groups they name, then the groups above these. */
  #userConfig(name: string, agents: readonly string[]): void {
    const special = this.#special.get(name);
    if (special === undefined || typeof special === "string") {
      const parameter = [...this.#values.values()].find((p) => p.value === name);
      if (parameter) {
        this.#left(
          this.#main.file,
          "",
          parameter,
          special ?? "the file was not given: --special DIR",
        );
      }
      return;
    }
    this.#problems(special);
    const sections = this.#merged(special);
    const byName = new Map(sections.map((s) => [s.name, s]));
    const parents = new Map<string, string>();
    const settings = new Map<string, SettingsPatch>();
    for (const section of sections) {
      settings.set(section.name, this.#settings(special.file, section, "special"));
      const parent = this.#values.get(`${section.name} parent_id`);
      if (!parent) continue;
      if (byName.has(parent.value)) parents.set(section.name, parent.value);
      else this.#left(special.file, section.name, parent, "there is no such group section");
    }
    const groups = new Set(parents.values());
    const members = new Map<string, { recipient?: string; sender?: string }[]>();
    const about = agents.length === 1 ? { agent: agents[0] } : { agent: agents };
    for (const section of sections) {
      if (groups.has(section.name)) continue;
      const who = identity(section.name);
      if (!who) {
        this.#leftovers.push({
          file: special.file,
          line: section.line,
          section: section.name,
          text: `[${section.name}]`,
          reason:
            "neither recipient, |sender, recipient|sender, nor a group that a section names as parent_id",
        });
        continue;
      }
      const then = settings.get(section.name)!;
      if (!isEmpty(then)) {
        this.#rules.push({ name: `[${section.name}]`, when: { ...about, ...who }, then });
      }
      let group = parents.get(section.name);
      for (let depth = 0; group !== undefined && depth < MAX_PARENTS; depth++) {
        members.set(group, [...members.get(group) ?? [], who]);
        group = parents.get(group);
        if (group === parents.get(section.name)) break;
      }
    }
    const heights = (group: string, seen = 0): number =>
      seen > MAX_PARENTS || !parents.has(group) ? 0 : 1 + heights(parents.get(group)!, seen + 1);
    for (const group of [...groups].sort((a, b) => heights(b) - heights(a))) {
      this.#group(group, members.get(group) ?? [], settings.get(group) ?? {}, about);
    }
  }

  #group(
    group: string,
    members: readonly { recipient?: string; sender?: string }[],
    then: SettingsPatch,
    about: Readonly<Record<string, unknown>>,
  ): void {
    if (isEmpty(then) || members.length === 0) return;
    const senders = members.filter((m) => m.sender && !m.recipient).map((m) => m.sender!);
    const recipients = members.filter((m) => m.recipient && !m.sender).map((m) => m.recipient!);
    const pairs = members.filter((m) => m.recipient && m.sender);
    let list = group;
    for (let copy = 2; Object.hasOwn(this.#lists, list); copy++) list = `${group}-${copy}`;
    if (senders.length + recipients.length > 0) {
      this.#lists[list] = {
        ...(senders.length > 0 ? { senders: [...new Set(senders)] } : {}),
        ...(recipients.length > 0 ? { recipients: [...new Set(recipients)] } : {}),
      };
    }
    const any = [
      ...(senders.length > 0 ? [{ sender: { list } }] : []),
      ...(recipients.length > 0 ? [{ recipient: { list } }] : []),
      ...pairs,
    ];
    const when = any.length === 1 ? { ...about, ...any[0] } : { ...about, any };
    this.#rules.push({ name: `[${group}]`, when, then });
  }
}

/**
 * Translates a classic configuration.
 *
 * @param main `esets.cfg`.
 * @param special What each `user_config` name stands for: the file read, or the reason why it could not be read.
 */
export function translateClassic(
  main: NamedCfg,
  special: ReadonlyMap<string, NamedCfg | string>,
): Translation {
  return new Translator(main, special).run();
}

/** The names of the special files that a configuration asks for. */
export function specialFiles(cfg: CfgFile): readonly string[] {
  const names = cfg.sections.flatMap((section) =>
    section.parameters.filter((p) => p.name === "user_config" && p.value !== "").map((p) => p.value)
  );
  return [...new Set(names)];
}
