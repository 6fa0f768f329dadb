"""Whether a page can be read: the contrast of its texts, as a script that a browser runs."""

# Every text on the page whose contrast with the ground behind it is below WCAG's AA: 4.5, or 3 for large text.
LOW_CONTRAST = """() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgba = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
    };
    const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
    const luminance = colour => colour.slice(0, 3).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ratio = (a, b) => {
        const [light, dark] = [luminance(a), luminance(b)].sort((p, q) => q - p);
        return (light + 0.05) / (dark + 0.05);
    };
    // A gradient counts with each of its colours: the text may stand on any of them.
    const grounds = element => {
        if (!element) return [rgba(getComputedStyle(document.body).backgroundColor)];
        const style = getComputedStyle(element);
        const colours = style.backgroundImage.match(/rgba?\\([^)]*\\)/g)?.map(rgba) ?? [];
        const layers = [rgba(style.backgroundColor), ...colours].filter(colour => colour[3] > 0);
        if (!layers.length) return grounds(element.parentElement);
        const below = grounds(element.parentElement);
        return layers.flatMap(layer => below.map(ground => over(layer, ground)));
    };
    const low = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let checked = 0;
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement, style = getComputedStyle(element);
        if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
        checked += 1;
        const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        for (const ground of grounds(element)) {
            const found = ratio(over(rgba(style.color), ground), ground);
            const text = texts.currentNode.data.trim().slice(0, 40);
            if (found < (large ? 3 : 4.5)) low.push(`${found.toFixed(2)} ${style.color} on ${ground}: ${text}`);
        }
    }
    return {low: [...new Set(low)], checked};
}"""
