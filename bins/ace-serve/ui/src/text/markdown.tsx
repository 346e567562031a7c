// Markdown as elements. The parser only finds the parts; what it finds is shown as text in elements made here, so that no HTML from
// the log ever is HTML. Links show where they lead and lead only to the web; pictures from elsewhere are named, never loaded.
import { marked, type Token, type Tokens } from "marked";
import { Fragment, memo, type ReactNode } from "react";
import { code } from "./code";
import { plain } from "./plain";

/** Characters that are read as Markdown; longer text is shown as it is. */
export const MARKDOWN_CHARS = 40_000;
const DEPTH = 24;

const entities: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };
const text = (raw: string) => plain(raw.replace(/&(?:amp|lt|gt|quot|#39);/g, (e) => entities[e] ?? e));

/** Where a link may lead: the web and mail. */
export function target(href: string): string | undefined {
  try {
    const url = new URL(href);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

function Link({ href, children, label }: { href: string; children: ReactNode; label: string }) {
  const to = target(href);
  const shown = plain(href);
  if (!to) return <span>{children} <span className="dim">({shown})</span></span>;
  return (
    <>
      <a href={to} target="_blank" rel="noopener noreferrer nofollow">{children}</a>
      {label !== href && label !== to && <span className="dim to"> ({shown})</span>}
    </>
  );
}

function inline(tokens: Token[] | undefined, depth: number): ReactNode {
  return (tokens ?? []).map((token, i) => <Fragment key={i}>{span(token, depth + 1)}</Fragment>);
}

function span(token: Token, depth: number): ReactNode {
  if (depth > DEPTH) return text(token.raw);
  switch (token.type) {
    case "text": return "tokens" in token && token.tokens ? inline(token.tokens, depth) : text((token as Tokens.Text).text);
    case "escape": return text((token as Tokens.Escape).text);
    case "codespan": return <code>{text((token as Tokens.Codespan).text)}</code>;
    case "strong": return <strong>{inline(token.tokens, depth)}</strong>;
    case "em": return <em>{inline(token.tokens, depth)}</em>;
    case "del": return <s>{inline(token.tokens, depth)}</s>;
    case "br": return <br />;
    case "link": {
      const link = token as Tokens.Link;
      return <Link href={link.href} label={link.text}>{inline(link.tokens, depth)}</Link>;
    }
    case "image": {
      const image = token as Tokens.Image;
      return <Link href={image.href} label={image.text}>[picture: {text(image.text || "without a name")}]</Link>;
    }
    default: return text(token.raw);
  }
}

function block(token: Token, depth: number): ReactNode {
  if (depth > DEPTH) return <p>{plain(token.raw)}</p>;
  switch (token.type) {
    case "space":
    case "def": return null;
    case "hr": return <hr />;
    case "heading": {
      const level = Math.min(6, (token as Tokens.Heading).depth + 2);
      const Tag = `h${level}` as "h3";
      return <Tag>{inline(token.tokens, depth)}</Tag>;
    }
    case "paragraph": return <p>{inline(token.tokens, depth)}</p>;
    case "text": return "tokens" in token && token.tokens ? inline(token.tokens, depth) : text((token as Tokens.Text).text);
    case "code": {
      const { text: body, lang } = token as Tokens.Code;
      const lines = plain(body).split("\n");
      return (
        <figure className="code" tabIndex={0} aria-label={lang ? `code, ${plain(lang)}` : "code"}>
          {lang && <figcaption>{plain(lang)}</figcaption>}
          <pre>{lines.map((line, i) => <Fragment key={i}>{code(line, lang !== "text" && lang !== "diff")}{"\n"}</Fragment>)}</pre>
        </figure>
      );
    }
    case "blockquote": return <blockquote>{blocks(token.tokens ?? [], depth)}</blockquote>;
    case "list": {
      const list = token as Tokens.List;
      const items = list.items.map((item, i) => (
        <li key={i}>{item.task && (item.checked ? "☑ " : "☐ ")}{blocks(item.tokens, depth)}</li>
      ));
      return list.ordered ? <ol start={Number(list.start) || 1}>{items}</ol> : <ul>{items}</ul>;
    }
    case "table": {
      const table = token as Tokens.Table;
      return (
        <div className="wide" tabIndex={0} role="region" aria-label="table">
          <table>
            <thead><tr>{table.header.map((cell, i) => <th key={i}>{inline(cell.tokens, depth)}</th>)}</tr></thead>
            <tbody>
              {table.rows.map((row, i) => <tr key={i}>{row.map((cell, j) => <td key={j}>{inline(cell.tokens, depth)}</td>)}</tr>)}
            </tbody>
          </table>
        </div>
      );
    }
    default: return <p>{plain(token.raw)}</p>;
  }
}

function blocks(tokens: Token[], depth: number): ReactNode {
  return tokens.map((token, i) => <Fragment key={i}>{block(token, depth + 1)}</Fragment>);
}

/** The parts of a text; `undefined` if it is not to be read as Markdown. */
export function parts(source: string): Token[] | undefined {
  if (source.length > MARKDOWN_CHARS || /(?:^|\n)(?:[>\-*+]\s?){40}/.test(source)) return undefined;
  try {
    return marked.lexer(source, { gfm: true });
  } catch {
    return undefined;
  }
}

/** A text as Markdown. */
export const Markdown = memo(function Markdown({ source }: { source: string }) {
  const tokens = parts(source);
  return <div className="prose">{tokens ? blocks(tokens, 0) : <p className="pre">{plain(source)}</p>}</div>;
});
