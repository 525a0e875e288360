/** Where text can be put at the end of a web page. */
import { MAX_HTML_OCTETS } from "./limits.ts";

/** Elements whose content is no markup: HTML Living Standard, section 13.1.2. */
const RAW =
  /^(?:script|style|textarea|title|xmp|iframe|noembed|noframes|plaintext|template|svg|math|select)$/;

/**
 * Finds the place: before the last `</body>`, else before the last `</html>`, else at the end.
 *
 * @param html A character an octet.
 * @returns Index; undefined where the page ends inside a comment, a tag, a script or the like, so that what is added would not be
 * seen or would change what is there.
 */
export function htmlEnd(html: string): number | undefined {
  if (html.length > MAX_HTML_OCTETS) return undefined;
  let body: number | undefined, end: number | undefined;
  for (let at = html.indexOf("<"); at >= 0; at = html.indexOf("<", at)) {
    if (html.startsWith("<!--", at)) {
      // `<!-->` and `<!--->` are whole comments already.
      const close = /--!?>/g;
      close.lastIndex = at + 2;
      if (!close.test(html)) return undefined;
      at = close.lastIndex;
      continue;
    }
    const tag = /^<(\/?)([a-z][a-z0-9:-]*)/i.exec(html.slice(at, at + 64));
    if (tag === null) {
      if (/^<[!?/]/.test(html.slice(at, at + 2))) {
        const close = html.indexOf(">", at);
        if (close < 0) return undefined;
        at = close + 1;
      } else at++;
      continue;
    }
    const past = tagEnd(html, at + tag[0].length);
    if (past === undefined) return undefined;
    const name = tag[2]!.toLowerCase();
    if (tag[1] === "/") {
      if (name === "body") body = at;
      else if (name === "html") end = at;
      at = past;
    } else if (RAW.test(name) && !html.startsWith("/>", past - 2)) {
      const close = new RegExp(`</${name}[\\s/>]`, "gi");
      close.lastIndex = past;
      const found = close.exec(html);
      if (found === null) return undefined;
      at = found.index;
    } else at = past;
  }
  return body ?? end ?? html.length;
}

/** Past the `>` that ends a tag; quoted values may hold one. */
function tagEnd(html: string, from: number): number | undefined {
  let quote = "";
  for (let at = from; at < html.length; at++) {
    const character = html[at]!;
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === ">") return at + 1;
    else if (
      (character === '"' || character === "'") &&
      /=\s*$/.test(html.slice(Math.max(from, at - 8), at))
    ) {
      quote = character;
    }
  }
  return undefined;
}
