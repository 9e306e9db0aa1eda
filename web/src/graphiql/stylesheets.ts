// Replaces react-style-singleton, which Radix's menus use to lock scrolling. That library creates a style element, which
// the content security policy blocks (no unsafe-inline). The policy allows constructed style sheets.

/** A style sheet that is shared by all users and removed with the last of them. */
export const stylesheetSingleton = () => {
  let users = 0;
  let sheet: CSSStyleSheet | null = null;
  return {
    add(css: string) {
      if (users++ > 0) return;
      sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      document.adoptedStyleSheets.push(sheet);
    },
    remove() {
      if (--users > 0 || sheet === null) return;
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
      sheet = null;
    },
  };
};
