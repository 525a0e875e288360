import type { Answer } from "./judge.ts";

/** What stands behind an object's name: `OK`, `NAME FOUND`, `REASON ERROR`. */
export function answerLine(answer: Answer): string {
  switch (answer.kind) {
    case "ok":
      return "OK";
    case "found":
      return `${answer.names[0]} FOUND`;
    case "error":
      return `${answer.reason} ERROR`;
  }
}

/** One line each: the names of what was found. */
export function answerLines(answer: Answer): readonly string[] {
  return answer.kind === "found"
    ? answer.names.map((name) => `${name} FOUND`)
    : [answerLine(answer)];
}

/** A file's name, so that it ends no line and no reply: whoever can make files could forge answers else. */
export function shownPath(path: string): string {
  return path.replace(/\p{Cc}/gu, "?");
}
