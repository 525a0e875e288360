/**
 * Findings that need no deep reading: what a name hides. All are `suspicious`; each row says why good mail hardly has it.
 * A program in an attachment is no finding by itself: that is for the policy to say, by type and name.
 */
import type { HeuristicName } from "./heuristic_table.ts";

/** What is known of one content. */
export interface HeuristicFacts {
  /** Names as decoded. */
  readonly names: readonly string[];
  /** Type by content. */
  readonly type: string;
  readonly encrypted: boolean;
}

/** A heuristic that matched. */
export interface HeuristicMatch {
  readonly name: HeuristicName;
  /** Octets into the content, where it is known. */
  readonly offset?: number;
}

/** Endings that Windows runs when they are opened. */
const PROGRAM =
  /\.(exe|scr|com|pif|bat|cmd|cpl|js|jse|vbs|vbe|wsf|wsh|hta|lnk|ps1|psm1|msi|msp|jar|dll|reg|scf|chm|appx|msix|url|sct|vb|ws)$/i;

/** `invoice.pdf.exe`, also with blanks between: the first ending is all that is seen. Programs are not named so. */
const DOUBLE =
  /\.(pdf|docx?|xlsx?|pptx?|rtf|txt|csv|jpe?g|png|gif|bmp|tiff?|mp3|mp4|avi|html?|zip|xml|odt|ods|eml)[\s\u00a0\u2000-\u200b.]*\.(exe|scr|com|pif|bat|cmd|cpl|js|jse|vbs|vbe|wsf|wsh|hta|lnk|ps1|msi|jar|vb|sct)$/i;

/** A program ending behind so many blanks that no window shows it. */
const PADDED = /[\s\u00a0\u2000-\u200b_]{12,}\.\w{2,4}$/;

/** Characters that turn the direction of text: `cod.exe` shows as `exe.doc`. In names they have no use but in right-to-left scripts. */
const TURN = /[\u202a-\u202e\u2066-\u2069]/;
const RIGHT_TO_LEFT_SCRIPT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

/** A shell folder's class id as ending: shown without it, opened as that folder's program. */
const CLASS_ID = /\.\{[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}$/i;

/** Whether one of the names is that of something that is run when opened. */
export function isProgramName(names: readonly string[]): boolean {
  return names.some((name) => PROGRAM.test(seenByWindows(name)));
}

/** Name without what Windows drops: control characters, trailing dots and blanks, the path before it. */
function seenByWindows(name: string): string {
  const visible = name.replace(/[\p{Cc}\u200b-\u200f\u2060\ufeff]/gu, "");
  return visible.replace(/^.*[/\\]/s, "").replace(/[. ]+$/, "");
}

/** Which heuristics the facts match; names are stable. */
export function nameHeuristics(
  { names, type, encrypted }: HeuristicFacts,
): readonly HeuristicMatch[] {
  const found = new Set<HeuristicName>();
  for (const raw of names) {
    const name = seenByWindows(raw.replace(new RegExp(TURN, "g"), ""));
    if (DOUBLE.test(name)) found.add("Heuristic.DoubleExtension");
    if (PADDED.test(name) && PROGRAM.test(name)) found.add("Heuristic.PaddedExtension");
    if (TURN.test(raw) && !RIGHT_TO_LEFT_SCRIPT.test(raw)) found.add("Heuristic.RightToLeftName");
    if (CLASS_ID.test(name)) found.add("Heuristic.ClassIdExtension");
    if (encrypted && PROGRAM.test(name)) found.add("Heuristic.EncryptedProgram");
    // a program that calls itself a picture, film, sound or text: no program does so by itself
    if (
      (type === "pe" || type === "ne" || type === "lnk") &&
      /\.(jpe?g|png|gif|bmp|txt|pdf|docx?|xlsx?|pptx?|mp3|mp4|rtf|html?|csv)$/i.test(name)
    ) found.add("Heuristic.DisguisedProgram");
  }
  return [...found].map((name) => ({ name }));
}
