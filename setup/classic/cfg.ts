/**
 * Reads the classic configuration file `esets.cfg` and the special files that its `user_config` names: `[section]` lines,
 * `name = value` lines, `#` comments. Strings stand in double quotes (bare ones are taken, too), integers and yes/no are bare.
 */

/** Largest file that is read, octets: a real one has a few tens of KiB. */
export const MAX_CFG_OCTETS = 8 << 20;
/** Longest line, characters. */
export const MAX_CFG_LINE = 4096;

/** One `name = value` line. */
export interface CfgParameter {
  readonly name: string;
  /** Without quotes and escapes. */
  readonly value: string;
  readonly line: number;
}

/** One `[name]` and what stands below it. The same name again is a section of its own. */
export interface CfgSection {
  readonly name: string;
  readonly line: number;
  readonly parameters: readonly CfgParameter[];
}

/** A line that could not be read, and why. */
export interface CfgProblem {
  readonly line: number;
  readonly text: string;
  readonly reason: string;
}

/** A file, read. */
export interface CfgFile {
  readonly sections: readonly CfgSection[];
  readonly problems: readonly CfgProblem[];
}

const SECTION = /^\[([^\]]*)\]$/;
const PARAMETER = /^([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*)$/;

/** A quoted value may be followed by a comment; a bare one ends at white space before `#`. */
function readValue(text: string): string | undefined {
  if (!text.startsWith('"')) return text.replace(/\s+#.*$/, "").trim();
  let value = "";
  for (let at = 1; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\\" && (text[at + 1] === '"' || text[at + 1] === "\\")) {
      value += text[++at];
    } else if (character === '"') {
      const rest = text.slice(at + 1).trim();
      return rest === "" || rest.startsWith("#") ? value : undefined;
    } else {
      value += character;
    }
  }
  return undefined;
}

/**
 * Parses the text of a classic configuration file.
 *
 * @param text The file, any line ends, at most {@link MAX_CFG_OCTETS}.
 * @returns Sections in order; lines that make no sense are problems, never dropped.
 */
export function parseCfg(text: string): CfgFile {
  const sections: { name: string; line: number; parameters: CfgParameter[] }[] = [];
  const problems: CfgProblem[] = [];
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = index + 1;
    const trimmed = raw.replace(/^\uFEFF/, "").trim();
    const refuse = (reason: string) =>
      problems.push({ line, text: trimmed.slice(0, MAX_CFG_LINE), reason });
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    if (trimmed.length > MAX_CFG_LINE) {
      refuse(`longer than ${MAX_CFG_LINE} characters`);
      continue;
    }
    const section = SECTION.exec(trimmed.replace(/\]\s*#.*$/, "]"));
    if (section) {
      sections.push({ name: section[1]!.trim(), line, parameters: [] });
      continue;
    }
    const parameter = PARAMETER.exec(trimmed);
    const current = sections.at(-1);
    if (!parameter) refuse("neither [section] nor name = value");
    else if (!current) refuse("stands before the first [section]");
    else {
      const value = readValue(parameter[2]!);
      if (value === undefined) refuse("the quoted text does not end where the line ends");
      else current.parameters.push({ name: parameter[1]!, value, line });
    }
  }
  return { sections, problems };
}
