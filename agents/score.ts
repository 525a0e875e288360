/**
 * A policy's outcome as spam filters tell it: a score against a threshold, and the symbols that it is made of. What is refused
 * scores at least the threshold, what a rule lets pass scores less, so that clients which look at the figures alone do as the policy
 * says.
 */
import type { Verdict } from "../engine/types.ts";
import type { Outcome } from "../policy/types.ts";

/** What other things than spam tests count. */
export interface ScorePoints {
  readonly infected: number;
  readonly suspicious: number;
  readonly notScanned: number;
}

/** One reason. */
export interface ScoreSymbol {
  /** `[A-Za-z0-9_]+`. */
  readonly name: string;
  readonly points: number;
  /** Names of findings, reasons. */
  readonly options: readonly string[];
  /** For people, in a few words. */
  readonly description: string;
}

/** What all reasons come to. */
export interface Score {
  readonly score: number;
  readonly threshold: number;
  /** Whether the score reaches the threshold. */
  readonly spam: boolean;
  readonly symbols: readonly ScoreSymbol[];
}

/** Least step of a score: it is shown with one digit. */
const STEP = 0.1;

/** Adds up. */
export function scoreOf(
  verdict: Verdict | undefined,
  outcome: Outcome,
  points: ScorePoints,
): Score {
  const { threshold } = outcome.settings.antispam;
  const symbols = [...spamSymbols(verdict), ...scanSymbols(verdict, outcome, points)];
  const sum = round(symbols.reduce((total, symbol) => total + symbol.points, 0));
  const refused = isRefused(outcome);
  const allowed = !refused && outcome.by.startsWith("rule:");
  const correction = refused && sum < threshold
    ? threshold - sum
    : allowed && sum >= threshold
    ? threshold - STEP - sum
    : 0;
  if (correction === 0 && !outcome.by.startsWith("rule:")) {
    return { score: sum, threshold, spam: sum >= threshold, symbols };
  }
  const policy: ScoreSymbol = {
    name: "POSTERN_POLICY",
    points: round(correction),
    options: [printable(outcome.by)],
    description: refused ? "refused by the policy" : "allowed by the policy",
  };
  const score = round(sum + correction);
  return { score, threshold, spam: score >= threshold, symbols: [...symbols, policy] };
}

/** Whether the policy does not want it delivered, now and later. */
export function isRefused({ action }: Outcome): boolean {
  return action === "reject" || action === "discard" || action === "quarantine";
}

function spamSymbols(verdict: Verdict | undefined): ScoreSymbol[] {
  return (verdict?.spam?.symptoms ?? []).map(({ name, points }) => ({
    name: name.replace(/\W/g, "_"),
    points,
    options: [],
    description: "a spam test",
  }));
}

function scanSymbols(
  verdict: Verdict | undefined,
  { status }: Outcome,
  points: ScorePoints,
): ScoreSymbol[] {
  if (!verdict) return [];
  const gone = status === "cleaned" || status === "deleted";
  const names = (severity: "infected" | "suspicious") => [
    ...new Set(
      verdict.findings.filter((each) => each.severity === severity)
        .map(({ name }) => printable(name)),
    ),
  ];
  const found: ScoreSymbol[] = [];
  for (const severity of ["infected", "suspicious"] as const) {
    const options = names(severity);
    if (options.length === 0) continue;
    found.push({
      name: `POSTERN_${severity.toUpperCase()}`,
      points: gone ? 0 : points[severity],
      options,
      description: gone ? `${severity} parts were removed` : `the message is ${severity}`,
    });
  }
  if (verdict.notScanned.length > 0) {
    found.push({
      name: "POSTERN_NOT_SCANNED",
      points: points.notScanned,
      options: verdict.notScanned,
      description: "the message was not scanned whole",
    });
  }
  return found;
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, "_").slice(0, 250);
}

function round(points: number): number {
  return Math.round(points * 1000) / 1000;
}
