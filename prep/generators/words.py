"""Words of quality that a family of models was trained with. They go into prompts, never into captions."""

# SD3.5 has read descriptions of pictures: words of drawn animation mean something to it, scores of a booru do not.
SD35_QUALITY = "anime illustration, clean line art, cel shading, detailed eyes"
SD35_NEGATIVE = (
    "photograph, 3d render, blurry, jpeg artifacts, deformed hands, extra fingers, text, watermark, signature"
)
# Of SD1.5's anime models; the starter has learned them, too.
ANIME_QUALITY = "masterpiece, best quality, official art, extremely detailed CG"
ANIME_NEGATIVE = "low quality, worst quality, blurry, cropped, text, watermark, signature"
