/** Which language a message is in, so far as the texts that are put into it are there in that language. */
import { decodeText } from "../message/charsets.ts";
import type { MessageReading } from "../message/types.ts";
import { NOTICE_LANGUAGES, type NoticeLanguage, type NoticeText } from "../types.ts";
import { LANGUAGE_OCTETS } from "./limits.ts";

/** Words that are common in one of the languages and no words, or rare ones, in the others. */
const WORDS: Readonly<Record<NoticeLanguage, ReadonlySet<string>>> = {
  en: new Set(
    "the and you your for with this that from have has are was were will would please our their they which not but of to is it be can"
      .split(" "),
  ),
  de: new Set(
    "der die das und ist nicht mit für von dem den ein eine einen wir sie ihr ihre ich auch auf wird werden haben bitte sehr oder bei zu im am sind uns"
      .split(" "),
  ),
  fr: new Set(
    "le les des et est pour dans vous votre nous une sur avec que qui pas par je au aux cette ce sont merci bonjour être avez notre du"
      .split(" "),
  ),
  es: new Set(
    "el los las una para por con que su sus del es está como más pero usted muchas gracias hola nuestro este esta son ha se al muy"
      .split(" "),
  ),
  sk: new Set(
    "a aj je sa na vo vás vám že ako pre som sme pri ale už alebo ktorý ktoré ktorá dobrý deň ďakujem prosím nie sú bude keď podľa tento tiež"
      .split(" "),
  ),
};

/** Fewest words that make a guess. */
const FEWEST = 3;

function isNoticeLanguage(text: string): text is NoticeLanguage {
  return (NOTICE_LANGUAGES as readonly string[]).includes(text);
}

/** The language that the message says it is in (RFC 3282), else the one that its text reads like, else English. */
export function messageLanguage(message: MessageReading): NoticeLanguage {
  for (const value of message.header("content-language")) {
    for (const tag of value.toLowerCase().split(/[\s,]+/)) {
      const [primary = ""] = tag.split("-");
      if (isNoticeLanguage(primary)) return primary;
    }
  }
  return guessLanguage(firstText(message));
}

/** The language whose common words are most in the text; English where that is not clear. */
export function guessLanguage(text: string): NoticeLanguage {
  const counts: Record<NoticeLanguage, number> = { en: 0, de: 0, fr: 0, es: 0, sk: 0 };
  for (const [word] of text.toLowerCase().matchAll(/\p{L}+/gu)) {
    for (const language of NOTICE_LANGUAGES) if (WORDS[language].has(word)) counts[language]++;
  }
  const [first, second] = NOTICE_LANGUAGES.toSorted((a, b) => counts[b] - counts[a]);
  if (first === undefined || second === undefined) return "en";
  return counts[first] >= FEWEST && counts[first] > counts[second] ? first : "en";
}

/** The text in the message's language. */
export function noticeIn(notice: NoticeText, language: () => NoticeLanguage): string {
  return typeof notice === "string" ? notice : notice[language()];
}

function firstText(message: MessageReading): string {
  for (const part of message.parts) {
    const [type = "text/plain"] = part.declaredTypes;
    const [content] = part.contents;
    if (part.attachment || content === undefined || !/^text\/(?:plain|html)$/.test(type)) continue;
    const text = decodeText(content.octets.subarray(0, LANGUAGE_OCTETS), part.charsets[0]);
    const plain = type === "text/html" ? text.replace(/<[^>]*>/g, " ") : text;
    if (plain.trim() !== "") return plain;
  }
  return message.subject ?? "";
}
