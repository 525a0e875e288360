/**
 * ClamAV's signatures of what containers say of their entries:
 * `name:containerType:containerSize:fileName:fileSize:realSize:encrypted:position:checksum:reserved[:minFL[:maxFL]]`.
 *
 * @see ClamAV documentation, "Container metadata signatures"
 */
import { containerTypes, readLevels } from "../clamav_types.ts";
import type { ContainerSignature } from "../container_set.ts";
import { MAX_EXPRESSION_CHARACTERS } from "../limits.ts";
import type { Bounds } from "../pattern_builder.ts";
import { findingName } from "./lines.ts";

/** A number, a range, or `*`; a few words where it is none of these. */
function bounds(text: string): { readonly range?: Bounds } | string {
  if (text === "*" || text === "") return {};
  const [, min = "", dash = "", max = ""] = /^(\d{0,10})(-?)(\d{0,10})$/.exec(text) ?? [];
  if (min === "" && max === "") return "a range that cannot be read";
  const least = Number(min || 0);
  return { range: [least, dash === "" ? least : max === "" ? 0xffffffff : Number(max)] };
}

/** A repetition of a group that has a repetition in it may take for ever on a name made for it. */
const NESTED_REPETITION = /\([^()]*[*+}][^()]*\)[*+{]/;

/** Whether an expression can be used: it compiles, is short, and cannot be made to take for ever by nested repetition. */
function checkExpression(text: string): string | undefined {
  if (text.length > MAX_EXPRESSION_CHARACTERS || NESTED_REPETITION.test(text)) {
    return "a regular expression that may take for ever";
  }
  try {
    new RegExp(text);
    return undefined;
  } catch {
    return "a regular expression that cannot be read";
  }
}

/** Reads a line of .cdb; a few words where it cannot be used. */
export function parseContainerLine(line: string): ContainerSignature | string {
  // Colons in the expression are not escaped: it is what is left between the fields before and behind it.
  const fields = line.split(":");
  const [name = "", type = "", size = ""] = fields;
  const isLevel = (text: string | undefined) => text !== undefined && /^\d{1,4}$/.test(text);
  const levels = fields.length > 11 && isLevel(fields.at(-1)) && isLevel(fields.at(-2))
    ? 2
    : fields.length > 10 && isLevel(fields.at(-1))
    ? 1
    : 0;
  const behind = fields.slice(fields.length - levels - 6, fields.length - levels);
  const expression = fields.slice(3, fields.length - levels - 6).join(":");
  if (fields.length < 10) return "a line with too few fields";
  const other = readLevels(...pair(fields.slice(fields.length - levels)));
  if (other !== undefined) return other;
  const containers = containerTypes(type);
  if (!containers) return "a container type that is not known here";
  const [packed = "", real = "", encrypted = "", position = "", checksum = ""] = behind;
  if (checksum !== "*" && checksum !== "") return "checksums of entries";
  if (!/^[01*]?$/.test(encrypted)) return "a field that cannot be read";
  const ranges = { containerSize: size, packedSize: packed, size: real, position };
  const conditions: { -readonly [Key in keyof typeof ranges]?: Bounds } = {};
  for (const key of ["containerSize", "packedSize", "size", "position"] as const) {
    const read = bounds(ranges[key]);
    if (typeof read === "string") return read;
    if (read.range) conditions[key] = read.range;
  }
  const wrong = expression === "*" ? undefined : checkExpression(expression);
  if (wrong !== undefined) return wrong;
  return {
    name: findingName(name),
    ...(containers.length > 0 ? { containers } : {}),
    ...(expression === "*" || expression === "" ? {} : { fileName: expression }),
    ...conditions,
    ...(encrypted === "0" || encrypted === "1" ? { encrypted: encrypted === "1" } : {}),
  };
}

function pair(levels: readonly string[]): [string | undefined, string | undefined] {
  return [levels[0], levels[1]];
}
