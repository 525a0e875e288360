import { MAX_CAPABILITIES } from "./limits.ts";
import { isPassedOn } from "../sasl.ts";

/** What a server can: a keyword in upper case, and what stands behind it. */
export type Capabilities = ReadonlyMap<string, string>;

/** Capabilities that are handed on as they are; what is not here could show mail by a way that nobody watches. */
const HANDED_ON: ReadonlySet<string> = new Set([
  "TOP",
  "USER",
  "UIDL",
  "AUTH-RESP-CODE",
  "LOGIN-DELAY",
  "EXPIRE",
  "IMPLEMENTATION",
  "UTF8",
  "LANG",
]);

/** What every server can that is older than CAPA. */
const BEFORE_CAPA: Capabilities = new Map([["TOP", ""], ["UIDL", ""], ["USER", ""]]);

/** What of the session decides on capabilities. */
export interface CapabilityChoices {
  /** `undefined` where the server knows no CAPA, or none is connected yet. */
  readonly server: Capabilities | undefined;
  /** Whether the client may still take TLS. */
  readonly stls: boolean;
  /** Whether it may log in now, or has. */
  readonly login: boolean;
  /** Whether AUTH is passed on. */
  readonly sasl: boolean;
}

/** Reads the lines of an answer to CAPA. */
export function parseCapabilities(lines: readonly string[]): Capabilities {
  const capabilities = new Map<string, string>();
  for (const line of lines.slice(0, MAX_CAPABILITIES)) {
    const [keyword = "", ...rest] = line.trim().split(/\s+/);
    if (keyword !== "") capabilities.set(keyword.toUpperCase(), rest.join(" "));
  }
  return capabilities;
}

/**
 * The lines that the client is told: what the server can and the agent can see through, and what the agent can itself
 * (RFC 2449; RFC 2595, section 4: no USER and no SASL where TLS must come first).
 */
export function offeredCapabilities(choices: CapabilityChoices): string[] {
  const { server = BEFORE_CAPA, stls, login, sasl } = choices;
  const lines: string[] = [];
  for (const [keyword, rest] of server) {
    if (keyword === "SASL") {
      const mechanisms = rest.split(" ").filter(isPassedOn);
      if (login && sasl && mechanisms.length > 0) lines.push(`SASL ${mechanisms.join(" ")}`);
    } else if (HANDED_ON.has(keyword)) {
      if (keyword === "USER" && !login) continue;
      if (keyword === "TOP" && deletesAtOnce(server)) continue;
      lines.push(rest === "" ? keyword : `${keyword} ${rest}`);
    }
  }
  return [...lines, "RESP-CODES", "PIPELINING", ...(stls ? ["STLS"] : [])];
}

/**
 * Whether a message that was retrieved is gone with the end of the session (RFC 2449, section 6.7: `EXPIRE 0`). TOP is answered
 * from the whole message here, and would delete what its client has seen but the begin of.
 */
export function deletesAtOnce(server: Capabilities | undefined): boolean {
  return server?.get("EXPIRE") === "0";
}
