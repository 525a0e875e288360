/**
 * ClamAV's logical signatures: `name;description;expression;subsignature;...`.
 *
 * @see ClamAV documentation, "Logical signatures"
 */
import { containerTypes, readLevels, readTarget } from "../clamav_types.ts";
import { MAX_SUBSIGNATURES } from "../limits.ts";
import { parseExpression } from "../logical_expression.ts";
import { asWord, lowerCase, parsePattern, type Subpattern, widen } from "../pattern.ts";
import { isLater, parseLater } from "../later/laters.ts";
import type { Bounds, ContentCondition, LaterText, LogicalSignature } from "../pattern_builder.ts";
import { findingName } from "./lines.ts";
import { macroFault, type MacroSignature, parseMacro } from "./macros.ts";
import { parseOffset } from "./pattern_source.ts";

/** Most containers that a description names; ClamAV's own limit. */
const MAX_LAYERS = 16;

/** What the description says. */
interface Description {
  readonly target: number;
  readonly condition: ContentCondition;
}

function bounds(text: string): Bounds | undefined {
  const [, min, max] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(text) ?? [];
  if (min === undefined || Number(max ?? min) > 0xffffffff) return undefined;
  return [Number(min), Number(max ?? min)];
}

/** Reads the description; a few words where it asks for what is not supported. */
function parseDescription(text: string): Description | string {
  let target: number | string = 0;
  let condition: ContentCondition = {};
  for (const field of text.split(",")) {
    const colon = field.indexOf(":");
    const key = field.slice(0, colon).trim();
    const value = field.slice(colon + 1).trim();
    const range = bounds(value);
    if (key === "Engine") {
      const other = range
        ? readLevels(String(range[0]), String(range[1]))
        : "an unreadable condition";
      if (other !== undefined) return other;
    } else if (key === "Target") {
      target = readTarget(value);
      if (typeof target === "string") return target;
    } else if (key === "FileSize" || key === "EntryPoint" || key === "NumberOfSections") {
      if (!range) return "an unreadable condition";
      const name =
        { FileSize: "size", EntryPoint: "entryPoint", NumberOfSections: "sections" }[key];
      condition = { ...condition, [name]: range };
    } else if (key === "Container") {
      const containers = containerTypes(value);
      if (!containers) return "a container type that is not known here";
      // With this word the content has to lie in nothing, as ClamAV has it.
      condition = { ...condition, containers: value === "CL_TYPE_ANY" ? [] : [containers] };
    } else if (key === "Intermediates") {
      const layers = value.split(">").map(containerTypes);
      const known = layers.filter((types) => types !== undefined);
      if (known.length !== layers.length) return "a container type that is not known here";
      if (layers.length > MAX_LAYERS) return "more than 16 containers within each other";
      condition = { ...condition, containers: known };
    } else return `the condition ${/^[A-Za-z0-9]{1,20}$/.test(key) ? key : "that has no name"}`;
  }
  return { target, condition };
}

/** Reads a sub-signature of octets: the ways to write it; a few words where it is not supported. */
function parseSubsignature(text: string): readonly Subpattern[] | string {
  if (text.startsWith("fuzzy_img#")) return "fuzzy hashes of pictures";
  const [, place = "*", body = "", modifiers = ""] =
    /^(?:([^:]*):)?([^:]*?)(?:::([a-z]*))?$/.exec(text) ?? [];
  const offset = parseOffset(place);
  if (typeof offset === "string") return offset;
  if (/[^iwfa]/.test(modifiers)) return "an unknown modifier";
  const pieces = parsePattern(body);
  if (typeof pieces === "string") return pieces;
  const folded = modifiers.includes("i");
  const cased = folded ? lowerCase(pieces) : pieces;
  const isWide = modifiers.includes("w");
  const ways = [
    ...(isWide ? [{ pieces: widen(cased), wide: true }] : []),
    ...(!isWide || modifiers.includes("a") ? [{ pieces: cased, wide: false }] : []),
  ];
  return ways.map(({ pieces, wide }) => ({
    pieces: modifiers.includes("f") ? asWord(pieces, wide) : pieces,
    ...(folded ? { folded } : {}),
    ...(offset ? { offset } : {}),
  }));
}

/** Reads a line of .ldb, .ldu; a few words where it cannot be used. */
export function parseLogicalLine(
  line: string,
  severity: "infected" | "suspicious",
): LogicalSignature | MacroSignature | string {
  const [name = "", description = "", logic = "", ...subs] = line.split(";");
  const described = parseDescription(description);
  if (typeof described === "string") return described;
  const { target, condition } = described;
  const expression = parseExpression(logic);
  if (!expression) return "an expression that cannot be read";
  if (subs.length > MAX_SUBSIGNATURES) return "more than 64 sub-signatures";
  const subsignatures: (readonly Subpattern[])[] = [];
  const laters: LaterText[] = [];
  const macros: MacroSignature["macros"][number][] = [];
  for (const [sub, text] of subs.entries()) {
    const macro = parseMacro(text);
    if (macro) {
      const fault = macroFault(subsignatures[sub - 1], macro);
      if (fault !== undefined) return fault;
      macros.push({ sub, macro });
      subsignatures.push([]);
      continue;
    }
    const read = isLater(text) ? parseLater(text) : parseSubsignature(text);
    if (typeof read === "string") return read;
    if ("kind" in read) laters.push({ sub, text });
    subsignatures.push("kind" in read ? [] : read);
  }
  return {
    name: findingName(name),
    severity,
    target,
    subsignatures,
    expression,
    ...(laters.length > 0 ? { laters } : {}),
    ...(macros.length > 0 ? { macros } : {}),
    ...(Object.keys(condition).length > 0 ? { condition } : {}),
  };
}
