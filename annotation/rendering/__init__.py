"""Safe HTML from what a model wrote, made on the server: Markdown, mathematics, code. No Django here."""

from annotation.rendering.excerpt import plain_excerpt
from annotation.rendering.invisible import spell_out
from annotation.rendering.rendered import RENDERER_VERSION, render_markdown, render_step

__all__ = ["RENDERER_VERSION", "plain_excerpt", "render_markdown", "render_step", "spell_out"]
