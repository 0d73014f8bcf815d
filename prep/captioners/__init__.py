"""What writes a sentence of a caption's tags, by name. A new captioner is a file beside this one and a line here; a
package outside the project adds its own through the entry point group `prep.captioners`.

A maker is called with (name, files by part, options) and returns a prep.protocols.Captioner.
"""

from prep.registry import Family, ModelSpec

PROMPT_VERSION = 1  # raised with each change of the words in _prompt.py

CAPTIONERS = Family(
    "captioner.model: no captioner",
    "prep.captioners",
    {
        spec.name: spec
        for spec in (
            ModelSpec(
                "grammar",
                "captioner",
                "prep.captioners.grammar:Grammar",
                what="a grammar: the same tags give the same sentence, at once",
                runs_on="anywhere",
            ),
            # At an address (prep/models/captioners.py makes it remote), or in a folder.
            ModelSpec(
                "llm",
                "captioner",
                "prep.captioners.llm:Llm",
                options="prep.captioners.llm:LlmOptions",
                what="a language model: a server with the API of OpenAI, or a folder with an instruct model",
            ),
        )
    },
    by_path="llm",
)
