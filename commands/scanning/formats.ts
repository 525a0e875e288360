/** The output formats of `postern scan`; each is what some program parses, so names cannot break out of their line. */
import { visible } from "../output.ts";
import { FILE_STATUSES, type FileResult, type FileStatus, type Tally } from "./result.ts";

/** Names of the formats. */
export const SCAN_FORMATS = ["text", "json", "esets", "clamscan"] as const;
/** One of {@link SCAN_FORMATS}. */
export type ScanFormat = (typeof SCAN_FORMATS)[number];

/** What a format prints. */
export interface Formatter {
  /** @returns Lines for one file with their line ends; `""` where the format has nothing to say of it. */
  readonly file: (result: FileResult) => string;
  /** @returns Lines after the last file. */
  readonly end: (tally: Tally, ms: number) => string;
}

const SHOWN: Readonly<Record<FileStatus, string>> = {
  infected: "infected",
  suspicious: "suspicious",
  spam: "spam",
  notScanned: "not scanned",
  clean: "clean",
};

function textOf(result: FileResult): string {
  const details = result.findings.map(({ name, part }) =>
    part === "" ? name : `${name} in ${part}`
  );
  if (result.spam !== undefined && result.status === "spam") {
    details.push(`${result.spam.score} points`);
  }
  if (result.notScanned !== undefined) {
    details.push(
      result.status === "notScanned"
        ? result.notScanned
        : `in parts not scanned: ${result.notScanned}`,
    );
  }
  const tail = details.length === 0 ? "" : `: ${details.join(", ")}`;
  return visible(`${result.file}: ${SHOWN[result.status]}${tail}`) + "\n";
}

const text: Formatter = {
  file: textOf,
  end(tally, ms) {
    if (tally.files < 2) return "";
    const parts = FILE_STATUSES.filter((status) => tally.counts[status] > 0)
      .map((status) => `${tally.counts[status]} ${SHOWN[status]}`);
    return `\n${tally.files} files in ${(ms / 1000).toFixed(1)} s: ${parts.join(", ")}\n`;
  },
};

const json: Formatter = {
  file: (result) => JSON.stringify(result) + "\n",
  end: () => "",
};

/** A name for a quoted, comma-separated field that readers split without knowing of escapes. */
function field(name: string): string {
  return visible(name).replace(/["',]/g, "_");
}

/**
 * For programs written for ESET's command-line client. Three lines for each finding:
 * - amavis (entry "ESET Software ESETS Command Line Interface", 3.0) takes a line that ends `: action="…"`, not "accepted",
 *   followed by one with `: virus="…"`;
 * - haraka-plugin-esets takes the first `virus="…"`;
 * - MailScanner takes lines with the word threat, splits them at commas and reads file, threat, action, info from the quotes.
 * No other line holds a file's name, since a name may hold the word threat; a clean file has no line.
 */
const esets: Formatter = {
  file(result) {
    const name = field(result.file);
    if (result.findings.length > 0) {
      return result.findings.map((finding) =>
        `name="${name}", threat="${field(finding.name)}", action="retained", info="${
          field(finding.part)
        }"\n` +
        `scan: action="retained"\nscan: virus="${field(finding.name)}"\n`
      ).join("");
    }
    if (result.status === "notScanned") {
      return `scan: action="error", info="${result.notScanned}"\n`;
    }
    return "";
  },
  end: () => "",
};

/** As clamscan prints: `FILE: NAME FOUND`, `FILE: OK`, `FILE: REASON ERROR`, then a summary. */
const clamscan: Formatter = {
  file(result) {
    const name = visible(result.file);
    if (result.findings.length > 0) {
      return result.findings.map((finding) => `${name}: ${visible(finding.name)} FOUND\n`).join("");
    }
    if (result.status === "notScanned") return `${name}: Not scanned: ${result.notScanned} ERROR\n`;
    if (result.status === "spam") return `${name}: Postern.Spam FOUND\n`;
    return `${name}: OK\n`;
  },
  end(tally, ms) {
    const seconds = ms / 1000;
    const { infected, suspicious, spam, notScanned } = tally.counts;
    return "\n----------- SCAN SUMMARY -----------\n" +
      `Scanned files: ${tally.files}\n` +
      `Infected files: ${infected + suspicious + spam}\n` +
      (notScanned > 0 ? `Total errors: ${notScanned}\n` : "") +
      `Time: ${seconds.toFixed(3)} sec (${Math.floor(seconds / 60)} m ${
        Math.floor(seconds % 60)
      } s)\n`;
  },
};

/** Every format by its name. */
export const FORMATTERS: Readonly<Record<ScanFormat, Formatter>> = { text, json, esets, clamscan };
