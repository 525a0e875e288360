/** The normal form of keys and of the values that are looked up with them. */
import { domainToASCII } from "node:url";

/** Texts are compared in lower case. */
export function normalText(text: string): string {
  return text.toLowerCase();
}

/**
 * An address in lower case with its domain in A-labels (RFC 5890): `Bob@BÜCHER.example` is `bob@xn--bcher-kva.example`. A domain
 * that has no such form stays as it is.
 */
export function normalAddress(address: string): string {
  const lower = address.toLowerCase();
  const at = lower.lastIndexOf("@");
  if (at < 0 || isAscii(lower)) return lower;
  return lower.slice(0, at + 1) + normalDomain(lower.slice(at + 1));
}

/** A domain in lower case and A-labels. */
export function normalDomain(domain: string): string {
  const lower = domain.toLowerCase();
  return isAscii(lower) ? lower : domainToASCII(lower) || lower;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

/** Where a key stands in a table. */
export type KeyPlace = "exact" | "suffixes" | "domains" | "networks" | "globs";

/** A pattern of an address as a key. */
export function addressKey(
  pattern: string,
): { place: "exact" | "suffixes" | "domains"; key: string } {
  if (pattern === "<>") return { place: "exact", key: "" };
  if (pattern.startsWith("@*.")) {
    return { place: "suffixes", key: "." + normalDomain(pattern.slice(3)) };
  }
  if (pattern.startsWith("@")) return { place: "domains", key: normalDomain(pattern.slice(1)) };
  return { place: "exact", key: normalAddress(pattern) };
}

/** A text with wildcards as a key. */
export function textKey(pattern: string): { place: "exact" | "suffixes" | "globs"; key: string } {
  const lower = normalText(pattern);
  if (!/[*?]/.test(lower)) return { place: "exact", key: lower };
  if (/^\*\.[^*?]+$/.test(lower)) return { place: "suffixes", key: lower.slice(1) };
  return { place: "globs", key: lower.replace(/\*+/g, "*") };
}
