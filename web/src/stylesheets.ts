// Stands in for react-style-singleton, which Radix's menus use to hold the page still: it makes a style element, and a
// policy without unsafe-inline refuses those. A constructed sheet is script's own doing and is allowed.

/** One sheet shared by all who add it, there as long as one of them is. */
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
