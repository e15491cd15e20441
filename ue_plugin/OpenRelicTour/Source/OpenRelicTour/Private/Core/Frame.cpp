#include "Frame.h"

#include <array>
#include <cmath>
#include <cstring>

#include "Json.h"

namespace openrelic {
namespace {

constexpr std::array<PassKind, 4> kPasses = {{{"lit_bgra", "uint8", 4, 1},
                                              {"depth_f32", "float32", 1, 4},
                                              {"normal_u8", "uint8", 3, 1},
                                              {"mask_u8", "uint8", 3, 1}}};

void WritePass(JsonLine& json, const PassKind& pass, const FrameFacts& facts) {
    json.Open('{').Key("name").Text(pass.name).Key("dtype").Text(pass.dtype).Key("shape").Open('[');
    json.Whole(facts.height).Whole(facts.width);
    if (pass.channels > 1) json.Whole(pass.channels);
    json.Close(']').Key("bytes").Whole(static_cast<int64_t>(PassBytes(pass, facts.width, facts.height))).Close('}');
}

/// Whether most of the pixels that hold anything are 0.5 (n + 1) rather than n.
bool AreShifted(const float* values, size_t count, size_t stride) {
    double plain = 0.0, shifted = 0.0;
    for (size_t i = 0; i < count; ++i) {
        const float* const v = values + i * stride;
        const double length = std::sqrt(double(v[0]) * v[0] + double(v[1]) * v[1] + double(v[2]) * v[2]);
        if (!(length > 1e-3) || !std::isfinite(length)) continue;
        const double x = 2.0 * v[0] - 1.0, y = 2.0 * v[1] - 1.0, z = 2.0 * v[2] - 1.0;
        plain += std::abs(length - 1.0) < 0.02;
        shifted += std::abs(std::sqrt(x * x + y * y + z * z) - 1.0) < 0.02;
    }
    return shifted > plain;
}

uint8_t Level(double part) {
    return static_cast<uint8_t>(std::nearbyint(std::fmin(std::fmax(127.5 * (part + 1.0), 0.0), 255.0)));
}

}  // namespace

const PassKind* FindPass(std::string_view name) {
    for (const PassKind& pass : kPasses) {
        if (pass.name == name) return &pass;
    }
    return nullptr;
}

std::string PassList() {
    std::string list;
    for (const PassKind& pass : kPasses) list += (list.empty() ? "" : ",") + std::string(pass.name);
    return list;
}

size_t PassBytes(const PassKind& pass, int width, int height) {
    return static_cast<size_t>(width) * static_cast<size_t>(height) * static_cast<size_t>(pass.channels * pass.channel_bytes);
}

std::string FrameHeader(const FrameFacts& facts, const std::vector<std::string>& passes) {
    JsonLine json;
    json.Open('{').Key("frame").Whole(facts.frame).Key("pose").Open('[');
    const Pose& p = facts.pose;
    for (const double value : {p.x_cm, p.y_cm, p.z_cm, p.pitch_deg, p.yaw_deg, p.roll_deg}) json.Number(value);
    json.Close(']').Key("fov").Number(facts.fov_deg).Key("passes").Open('[');
    for (const std::string& name : passes) {
        if (const PassKind* const pass = FindPass(name)) WritePass(json, *pass, facts);
    }
    return json.Close(']').Close('}').Line();
}

bool PackFrame(const FrameFacts& facts, const std::vector<std::string>& passes,
               const std::vector<std::vector<uint8_t>>& images, std::vector<uint8_t>& reply, std::string& error) {
    const std::string header = FrameHeader(facts, passes);
    const size_t length = header.size();
    reply.clear();
    for (int shift = 0; shift < 32; shift += 8) reply.push_back(static_cast<uint8_t>(length >> shift & 0xFF));
    reply.insert(reply.end(), header.begin(), header.end());
    for (size_t i = 0; i < passes.size(); ++i) {
        const PassKind* const pass = FindPass(passes[i]);
        const size_t wanted = pass == nullptr ? 0 : PassBytes(*pass, facts.width, facts.height);
        const size_t got = i < images.size() ? images[i].size() : 0;
        if (wanted == 0 || got != wanted) {
            error = "the engine drew " + std::to_string(got) + " bytes for " + passes[i] + ", not " + std::to_string(wanted);
            return false;
        }
        reply.insert(reply.end(), images[i].begin(), images[i].end());
    }
    return true;
}

std::vector<uint8_t> PackLit(const uint8_t* bgra, size_t count) {
    std::vector<uint8_t> image(bgra, bgra + 4 * count);
    for (size_t i = 0; i < count; ++i) image[4 * i + 3] = 255;
    return image;
}

std::vector<uint8_t> PackMask(const uint8_t* bgra, size_t count) {
    std::vector<uint8_t> image(3 * count);
    for (size_t i = 0; i < count; ++i) {
        for (size_t c = 0; c < 3; ++c) image[3 * i + c] = bgra[4 * i + 2 - c];
    }
    return image;
}

std::vector<uint8_t> PackDepth(const float* values, size_t count, size_t stride, float far_cm) {
    std::vector<uint8_t> image(4 * count);
    for (size_t i = 0; i < count; ++i) {
        const float value = values[i * stride];
        // A negated comparison: it is true for what is not a number.
        const float depth = !(value < far_cm) ? far_cm : value;
        std::memcpy(&image[4 * i], &depth, 4);
    }
    return image;
}

std::vector<uint8_t> PackNormal(const float* values, size_t count, size_t stride) {
    const bool shifted = AreShifted(values, count, stride);
    std::vector<uint8_t> image(3 * count);
    for (size_t i = 0; i < count; ++i) {
        double n[3];
        double length2 = 0.0;
        for (size_t c = 0; c < 3; ++c) {
            n[c] = shifted ? 2.0 * values[i * stride + c] - 1.0 : values[i * stride + c];
            length2 += n[c] * n[c];
        }
        const bool none = !(length2 > 0.25) || !std::isfinite(length2);
        for (size_t c = 0; c < 3; ++c) image[3 * i + c] = none ? 128 : Level(n[c] / std::sqrt(length2));
    }
    return image;
}

}  // namespace openrelic
