import { type Markup, markup } from './markup.js';

/**
 * An HTML document that needs nothing else. Nothing may be loaded or run, should a text ever come through as markup.
 * @param style CSS of our own: it is not escaped
 */
export function htmlPage(title: string, style: string, content: Markup): string {
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<main>
${content}
</main>
</body>
</html>
`.markup;
}
