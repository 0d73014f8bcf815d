"""A script as its writer has it: picture -> tags -> picture, against a server of A1111's API on this machine."""
# ruff: noqa: PTH123 - it is not ours

import base64

import requests

URL = "http://127.0.0.1:7860"

with open("input.png", "rb") as file:
    image = base64.b64encode(file.read()).decode("utf-8")

response = requests.post(
    url=f"{URL}/sdapi/v1/interrogate", json={"image": image, "model": "deepdanbooru", "threshold": 0.45}
)
tags = response.json()["caption"]
prompt = f"masterpiece, best quality, {tags}"
print(prompt)

payload = {
    "prompt": prompt,
    "negative_prompt": "low quality, worst quality, blurry",
    "width": 1024,
    "height": 1024,
    "steps": 30,
    "cfg_scale": 7,
    "sampler_index": "Euler a",
}
response = requests.post(url=f"{URL}/sdapi/v1/txt2img", json=payload)

with open("output.png", "wb") as file:
    file.write(base64.b64decode(response.json()["images"][0]))
